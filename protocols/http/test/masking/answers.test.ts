import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import t from "tap";
import { Redactor } from "../../src/credentials/redaction.ts";
import { answerMask } from "../../src/masking/answer-mask.ts";
import { answerSteps } from "../../src/masking/answer-steps.ts";
import { responseOf } from "../heads.ts";
import { detecting } from "./detecting.ts";
import { CANARY, contacts, maskOf } from "./masks.ts";
import { Collected, inPieces, pour } from "./support.ts";

const SECRET = "s3cret/Key+of=theirs";
const row = {
  name: "Zoë 🌍",
  contact: `write to ${CANARY}`,
  ssn: "078-05-1120",
  echo: SECRET,
  n: [1, 2.5, null],
};
const bodies: readonly (readonly [string, string])[] = [
  ["application/json", JSON.stringify({ rows: [row, row] })],
  ["application/x-ndjson", `${JSON.stringify(row)}\n${JSON.stringify(row)}\n`],
  [
    "text/event-stream",
    `: hello\ndata: ${JSON.stringify(row)}\r\n\r\nevent: x\ndata: ${JSON.stringify(row)}\n\ndata: [DONE]\n\n`,
  ],
];
const masks = [contacts, maskOf({ fields: ["$..ssn"], with: { kind: "partial", of: "text" } })];

t.test(
  "nothing that is masked, and no credential, is in an answer, however it is coded and cut",
  async (t) => {
    for (const [type, text] of bodies) {
      const bytes = Buffer.from(text);
      for (const [coding, body] of [
        ["identity", bytes],
        ["gzip", gzipSync(bytes)],
        ["br", brotliCompressSync(bytes)],
        ["zstd", zstdCompressSync(bytes)],
      ] as const) {
        const cuts = [1, 2, 3, 7, body.length].map((size) => inPieces(body, size));
        for (let at = 0; at < body.length; at++) cuts.push([body.subarray(0, at), body.subarray(at)]);
        const outs = new Set<string>();
        for (const pieces of cuts) {
          const next = new Collected();
          const mask = answerMask(
            responseOf("200 OK", [`Content-Type: ${type}`, `Content-Encoding: ${coding}`]),
            {
              masks,
              values: detecting,
              redactor: new Redactor([SECRET]),
              steps: answerSteps(detecting, undefined),
            },
            next,
          );
          if (!mask.ok) throw new Error(mask.message);
          await pour(pieces, mask.sink);
          // How many empty lines stand between two events says nothing.
          outs.add(next.text.replace(/\n{2,}/g, "\n\n"));
        }
        t.equal(outs.size, 1, `${type} in ${coding}: the same whatever the cut`);
        for (const out of outs) t.notMatch(out, /anna|keller|078-05|s3cret|theirs/);
      }
    }
  },
);
