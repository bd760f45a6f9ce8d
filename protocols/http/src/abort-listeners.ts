/** Who is told when a signal aborts. A listener of the signal's own takes far longer to add and remove than a request can spare. */
const listening = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls it when the signal aborts, at once where it has. @returns ends that; later calls do nothing */
export function whenAborted(signal: AbortSignal, aborted: () => void): () => void {
  if (signal.aborted) aborted();
  const known = listening.get(signal) ?? listenTo(signal);
  known.add(aborted);
  return () => known.delete(aborted);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const told = new Set<() => void>();
  listening.set(signal, told);
  signal.addEventListener("abort", () => {
    for (const aborted of told) aborted();
  });
  return told;
}
