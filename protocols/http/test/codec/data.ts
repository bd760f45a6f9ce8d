import { readFileSync } from "node:fs";
import { checkValue, formatProblem, parseYaml } from "@gatehouse/documents";
import { z } from "zod";

/** Bytes, each a character; and such as are there many times, with their number. */
const bytes = z.union([z.string(), z.array(z.union([z.string(), z.tuple([z.string(), z.int().min(1)])]))]);

const message = z.strictObject({
  method: z.string().optional(),
  target: z.string().optional(),
  status: z.int().optional(),
  fields: z.array(z.tuple([z.string(), z.string()])).optional(),
  body: z.string().optional(),
  trailers: z.array(z.tuple([z.string(), z.string()])).optional(),
});

const attack = z.strictObject({
  name: z.string(),
  /** All that is sent; instead of a line, fields and a body. */
  bytes: bytes.optional(),
  line: z.string().optional(),
  /** Those of a request have `Host: api` before them, unless there is to be none. */
  fields: z.array(bytes).default([]),
  host: z.boolean().default(true),
  body: bytes.default(""),
  /** It is a response, or several, to requests of these methods. */
  answers: z.tuple([z.string()], z.string()).optional(),
  /** The status of the refusal. */
  refused: z.int().optional(),
  /** What is read, before the refusal if there is one. A message has nothing that is not named here but fields. */
  reads: z.array(message).default([]),
  /** More is waited for. */
  unfinished: z.boolean().default(false),
});

type Text = z.infer<typeof bytes>;
export type Message = z.infer<typeof message>;

/** Bytes that one reader takes for something else than the next, and what has to come of them. */
export type Attack = Omit<z.infer<typeof attack>, "bytes" | "line" | "fields" | "host" | "body"> & {
  readonly bytes: Buffer;
};

/** Reads a file of them. @throws Error when it does not fit the schema */
export function readAttacks(path: string): Attack[] {
  const parsed = parseYaml(readFileSync(path, "utf8"), path);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  const checked = checkValue(z.array(attack), parsed.document.value);
  if (!checked.ok) throw new Error(parsed.document.problems(checked.issues).map(formatProblem).join("\n"));
  return checked.value.map(({ bytes, line, fields, host, body, ...rest }) => {
    const first = line ?? (rest.answers === undefined ? "POST / HTTP/1.1" : "HTTP/1.1 200 OK");
    const named = host && rest.answers === undefined ? ["Host: api", ...fields] : fields;
    const lines = [first, ...named].map((each) => `${written(each)}\r\n`).join("");
    const built = `${lines}\r\n${written(body)}`;
    return { ...rest, bytes: Buffer.from(bytes === undefined ? built : written(bytes), "latin1") };
  });
}

function written(text: Text): string {
  if (typeof text === "string") return text;
  return text.map((part) => (typeof part === "string" ? part : part[0].repeat(part[1]))).join("");
}
