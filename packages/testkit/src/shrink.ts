/** Bounds the work: each attempt is a conversation, or two. */
const ATTEMPTS = 200;

/** The fewest of the items, in their order, for which it still holds. */
export async function shrink<T>(
  items: readonly T[],
  holds: (fewer: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let now = items;
  let attempts = 0;
  for (let size = Math.ceil(now.length / 2); size > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < now.length && attempts < ATTEMPTS; ) {
      const fewer = [...now.slice(0, at), ...now.slice(at + size)];
      attempts++;
      if (await holds(fewer)) now = fewer;
      else at += size;
    }
  }
  return now;
}
