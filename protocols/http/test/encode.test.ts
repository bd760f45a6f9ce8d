import { inspect } from "node:util";
import { GatehouseError } from "@gatehouse/core";
import t from "tap";
import type { Field } from "../src/codec/fields.ts";
import { encodeRequestHead, encodeResponseHead, fieldOf } from "../src/encode.ts";
import { pairs, readRequest, readResponse } from "./heads.ts";

const written = (method: string, target: string, fields: readonly Field[], host = "api") =>
  encodeRequestHead({
    ...{ method, target, host, fields },
    ...{ framing: { kind: "none" }, trailers: false, last: false },
  });

t.test("a head is read as it was written", async (t) => {
  const fields = [fieldOf("X-Odd", "\xc3\xbc\t~"), fieldOf("X-None", "")];
  const request = readRequest(written("M-SEARCH", "/a?b=%2F", fields));
  t.match(request, { method: "M-SEARCH", target: "/a?b=%2F", version: "1.1" });
  t.same(pairs(request), [["host", "api"], ...fields.map(({ lower, value }) => [lower, value])]);
  t.match(readResponse(encodeResponseHead(299, "", fields)), { status: 299, reason: "" });
});

t.test("nothing that would begin another line is written, whoever brings it", async (t) => {
  const attempts: readonly (() => Buffer)[] = [
    ...["s3cret\r\nX: y", "s3cret\n", "s3cret\r", "s3cret\0", "s3cret\u{10d}", "s3cret\x7f"].flatMap(
      (text) => [
        () => written("GET", "/", [fieldOf("X-A", text)]),
        () => written("GET", "/", [fieldOf(text, "a")]),
        () => written("GET", "/", [], text),
        () => written("GET", `/${text}`, []),
        () => written(`GET${text}`, "/", []),
        () => encodeResponseHead(200, text, []),
        () => encodeResponseHead(200, "OK", [fieldOf("X-A", text)]),
      ],
    ),
    () => written("GET", "/ HTTP/1.0", []),
    () => written("GET", "", []),
    () => written("", "/", []),
    () => written("GET", "/", [fieldOf("Host ", "api")]),
    () => written("GET", "/", [fieldOf("Host:", "api")]),
    () => written("GET", "/", [fieldOf("", "api")]),
    ...[99, 600, 20.5, Number.NaN].map((status) => () => encodeResponseHead(status, "OK", [])),
  ];
  for (const attempt of attempts) {
    try {
      t.fail(`written: ${attempt().toString("latin1")}`);
    } catch (error) {
      t.ok(error instanceof GatehouseError && error.code === "INTERNAL");
      t.notMatch(inspect(error), /s3cret/);
    }
  }
});
