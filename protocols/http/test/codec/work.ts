/** What a call has cost, in bytes. */
type Cost = (bytes: unknown, args: readonly unknown[], result: unknown) => number;

const sizeOf = (value: unknown): number =>
  Buffer.isBuffer(value) || typeof value === "string" ? value.length : Number(value);

const costs: readonly (readonly [owner: object, name: string, Cost])[] = [
  [Buffer, "concat", (_, __, joined) => sizeOf(joined)],
  [Buffer.prototype, "copy", (_, __, copied) => sizeOf(copied)],
  [Buffer.prototype, "toString", (_, __, text) => sizeOf(text)],
  [
    Buffer.prototype,
    "indexOf",
    (bytes, [, from], found) => (found === -1 ? sizeOf(bytes) : sizeOf(found) + 1) - sizeOf(from),
  ],
];

/** How many bytes buffers copy, decode or look through while it runs. */
export function countWork(run: () => void): number {
  let work = 0;
  const restore = costs.map(([owner, name, cost]) => {
    const own: unknown = Reflect.get(owner, name);
    if (typeof own !== "function") throw new TypeError(`There is no ${name}.`);
    Reflect.set(owner, name, function (this: unknown, ...args: unknown[]): unknown {
      const result: unknown = Reflect.apply(own, this, args);
      work += cost(this, args, result);
      return result;
    });
    return () => Reflect.set(owner, name, own);
  });
  try {
    run();
    return work;
  } finally {
    for (const back of restore) back();
  }
}
