/** Microseconds of the machine's clock that all of its processes have in common, and that nobody sets. */
export function now(): number {
  return Math.round(Number(process.hrtime.bigint()) / 1000);
}
