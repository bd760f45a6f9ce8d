import t, { type Test } from "tap";
import type { Mask } from "@gatehouse/core";
import { encodeNamedObject } from "../../src/codec/describe.ts";
import { encodeExecute } from "../../src/codec/execute.ts";
import { encodeFlush, encodeSync, frame } from "../../src/codec/framing.ts";
import { encodeParse } from "../../src/codec/parse.ts";
import { encodeQuery } from "../../src/codec/query.ts";
import { decodeDataRow } from "../../src/codec/data-row.ts";
import type { Lineage, StatementLineage } from "../../src/lineage/lineage.ts";
import { startFront, startFrontWithServer } from "../support/front.ts";
import { KnowingAnalyzer, lineageOf, marking, maskOf } from "../support/masking.ts";
import { errorIn, letter, type RawClient } from "../support/raw-client.ts";
import { relayTo } from "../support/target.ts";
import type { Frame } from "../../src/codec/framing.ts";

const VALUE = "ann@example.org";
const EMAIL = "public.customers.email";
const ID = "public.customers.id";

/** What a catalog would tell of the texts below. */
const BY_NAME = lineageOf(undefined, { byName: true });
const NOTHING = lineageOf(undefined);
const BOTH = lineageOf(
  [ID, EMAIL].map((from) => ({ name: from, from: [from], type: from === ID ? 23 : 25 })),
);
const known: readonly (readonly [RegExp, StatementLineage])[] = [
  [/^(begin|commit|rollback|set|close|deallocate|insert into plain)/, NOTHING],
  [/^(fetch|execute)/, BY_NAME],
  [/gap/, lineageOf([], { gaps: ["the function public.gap"] })],
  [/^select id from/, lineageOf([ID])],
  [/^copy \(select upper/, lineageOf([{ from: [EMAIL], exact: false, type: 25 }])],
  [/^select upper/, lineageOf([{ from: [EMAIL], exact: false }])],
  [/^(update|insert|select boom)/, lineageOf(undefined, { writes: [EMAIL], reads: [EMAIL] })],
  [/^(select 1|show)/, lineageOf([{ from: [] }])],
  [/id, email|^copy|^table/, BOTH],
];

function lineage(text: string): Lineage | undefined {
  const statements = text.split(/;\s*/).filter((one) => one !== "");
  const told = statements.map((one) =>
    located(
      known.find(([pattern]) => pattern.test(one.trim()))?.[1],
      one.includes("from long") ? ids.long : ids.customers,
    ),
  );
  return told.every((one) => one !== undefined) ? told : undefined;
}

/** Of the tables, when they are there. */
let ids = { customers: 0, long: 0 };

/** With what the server will say of its columns. */
function located(told: StatementLineage | undefined, relation: number): StatementLineage | undefined {
  const outputs = told?.outputs?.map((output) => {
    const column = [ID, EMAIL].indexOf(output.from[0] ?? "") + 1;
    return output.exact && column > 0 ? { ...output, origins: [{ relation, column }] } : output;
  });
  return told && outputs ? { ...told, outputs } : told;
}

const CONTACTS = [maskOf([EMAIL], { kind: "partial", of: "email" })];
let masks: readonly Mask[] = CONTACTS;
const options = {
  masks: () => masks,
  values: marking,
  analyzer: new KnowingAnalyzer(lineage),
  limits: { message: 1024 * 1024 },
};
const { front, server, admin } = await startFrontWithServer(options);
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});
await admin.query(`
  create table customers (id int primary key, email text, unique (email) deferrable initially immediate);
  insert into customers values (1, '${VALUE}'), (2, null), (3, 'bob@example.org');
  create table plain (x text);
  create table long as select 9 as id, repeat('x', 2000000) as email;
  create function boom(x text) returns text language plpgsql as
    $$ begin raise notice 'seen %', x; raise exception 'boom %', x using errcode = 'QQQQQ', column = x; end $$;
`);

const { rows } = await admin.query<typeof ids>(
  "select 'customers'::regclass::oid as customers, 'long'::regclass::oid as long",
);
ids = rows[0] ?? ids;

async function connected(t: Test): Promise<RawClient> {
  const client = await front.connect();
  t.teardown(() => client.socket.destroy());
  return client;
}

function values(frames: readonly Frame[]): (string | null)[][] {
  return frames
    .filter((one) => letter(one) === "D")
    .map(({ body }) => decodeDataRow(body).map((value) => (value === null ? null : value.toString())));
}

function shape(frames: readonly Frame[]): string {
  return frames.map(letter).join("");
}

function bytesOf(frames: readonly Frame[]): string {
  return Buffer.concat(frames.map(({ bytes }) => bytes)).toString("latin1");
}

/** Bind, with all results in this form. */
function bind(portal: string, statement: string, binary = false): Buffer {
  return frame(
    "B",
    Buffer.from(`${portal}\0${statement}\0\0\0\0\0\0\x01\0${binary ? "\x01" : "\0"}`, "latin1"),
  );
}

function execute(portal: string, rows: number): Buffer {
  const bytes = encodeExecute(portal);
  bytes.writeInt32BE(rows, bytes.length - 4);
  return bytes;
}

const ALL = "select id, email from customers order by id";
const MASKED = [
  ["1", "a***"],
  ["2", null],
  ["3", "b***"],
];

t.test("a simple query's rows are masked, each statement's by its own plan", async (t) => {
  const client = await connected(t);
  client.send(
    encodeQuery(
      `${ALL}; select id from customers where id = 1; set work_mem = '4MB'; select upper(email) from customers where id = 1; ${ALL}`,
    ),
  );
  const frames = await client.until("Z");
  t.equal(shape(frames), "TDDDCTDCCTDCTDDDCZ");
  t.strictSame(values(frames), [...MASKED, ["1"], ["***"], ...MASKED]);
  t.notMatch(bytesOf(frames), /example/i);
});

t.test("what is computed from a masked value is the same in each row, and does not tell NULL", async (t) => {
  const client = await connected(t);
  const text = "select upper(email) from customers order by id";
  const query = async (text: string) => {
    client.send(encodeQuery(text));
    return values(await client.until("Z"));
  };
  t.strictSame(await query(text), [["***"], ["***"], ["***"]]);
  t.strictSame(await query("select upper(email)::json from customers where id = 2"), [[null]], "no text");
  for (const binary of [false, true]) {
    client.send(encodeParse("", text), bind("", "", binary), encodeExecute(""), encodeSync());
    t.strictSame(values(await client.until("Z")), [["***"], ["***"], ["***"]], `binary: ${binary}`);
  }
  client.send(encodeQuery(`copy (${text}) to stdout`));
  const copied = (await client.until("Z")).filter((one) => letter(one) === "d");
  t.strictSame(
    copied.map(({ body }) => body.toString()),
    ["\\N\n", "\\N\n", "\\N\n"],
    "in a COPY, NULL in each",
  );
  masks = [maskOf([EMAIL], { kind: "null" })];
  t.strictSame(await query(text), [[null], [null], [null]], "where the mask is null, it is");
  masks = CONTACTS;
});

t.test("in the extended protocol, described or not", async (t) => {
  const client = await connected(t);
  client.send(
    encodeParse("", ALL),
    bind("", ""),
    encodeNamedObject("D", "portal", ""),
    encodeExecute(""),
    encodeSync(),
  );
  const described = await client.until("Z");
  t.equal(shape(described), "12TDDDCZ");
  t.strictSame(values(described), MASKED);
  client.send(encodeParse("", ALL), bind("", ""), encodeExecute(""), encodeSync());
  const plain = await client.until("Z");
  t.equal(shape(plain), "12DDDCZ", "what the gateway has asked for is not the client's");
  t.strictSame(values(plain), MASKED);
  client.send(encodeParse("s", ALL), encodeNamedObject("D", "statement", "s"), encodeSync());
  t.equal(shape(await client.until("Z")), "1tTZ");
  for (const binary of [true, false]) {
    client.send(bind("", "s", binary), encodeExecute(""), encodeSync());
    const bound = await client.until("Z");
    t.equal(shape(bound), "2DDDCZ");
    t.strictSame(
      values(bound).map(([, email]) => email),
      ["a***", null, "b***"],
      binary ? "binary" : "text",
    );
  }
});

t.test("each column in a form of its own", async (t) => {
  const client = await connected(t);
  for (const [forms, ids] of [
    ["\0\0\0\x01", ["1", "2", "3"]],
    ["\0\x01\0\0", ["\0\0\0\x01", "\0\0\0\x02", "\0\0\0\x03"]],
  ] as const) {
    const body = Buffer.from(`\0\0\0\0\0\0\0\x02${forms}`, "latin1");
    client.send(encodeParse("", ALL), frame("B", body), encodeExecute(""), encodeSync());
    const frames = await client.until("Z");
    t.strictSame(
      values(frames),
      MASKED.map(([, email], index) => [ids[index], email]),
    );
  }
});

t.test("behind an error in the middle of a pipeline, each answer still has its own plan", async (t) => {
  const client = await connected(t);
  const run = (text: string) => [encodeParse("", text), bind("", ""), encodeExecute("")];
  client.send(
    ...run(ALL),
    ...run("select 1 / 0"),
    ...run(ALL),
    encodeSync(),
    ...run("select id from customers"),
    ...run(ALL),
    encodeSync(),
  );
  const first = await client.until("Z");
  t.equal(shape(first), "12DDDC1EZ");
  t.strictSame(values(first), MASKED);
  const second = await client.until("Z");
  t.strictSame(values(second), [["1"], ["2"], ["3"], ...MASKED]);
  client.send(encodeQuery(`${ALL}; select 1 / 0; ${ALL}`), encodeQuery(ALL));
  const third = await client.until("Z");
  t.equal(shape(third), "TDDDCEZ");
  t.strictSame(values(third), MASKED);
  t.strictSame(values(await client.until("Z")), MASKED);
  t.notMatch(bytesOf([...first, ...second, ...third]), /example/i);
});

t.test("row by row, with a portal that is suspended", async (t) => {
  const client = await connected(t);
  client.send(encodeParse("", ALL), bind("p", ""), execute("p", 1), encodeFlush());
  const first = await client.until("s");
  client.send(execute("p", 1), execute("p", 0), encodeSync());
  const rest = await client.until("Z");
  t.equal(shape([...first, ...rest]), "12DsDsDCZ");
  t.strictSame(values([...first, ...rest]), MASKED);
});

t.test("an Execute is masked by the masks of its own decision, and not by those of the Bind", async (t) => {
  const client = await connected(t);
  client.send(encodeQuery("begin"), encodeParse("", ALL), bind("p", ""), execute("p", 1), encodeSync());
  await client.until("Z");
  t.strictSame(values(await client.until("Z")), [["1", "a***"]]);
  t.teardown(() => {
    masks = CONTACTS;
  });
  masks = [maskOf(["*.*.id"], { kind: "null" })];
  client.send(execute("p", 1), encodeSync());
  t.strictSame(values(await client.until("Z")), [[null, null]]);
  client.send(execute("p", 1), encodeSync());
  t.strictSame(values(await client.until("Z")), [[null, "bob@example.org"]]);
});

t.test("a cursor's rows, and those of a prepared statement, are masked as what they run", async (t) => {
  const client = await connected(t);
  client.send(encodeQuery(`begin; declare c cursor for ${ALL}; fetch 1 from c; prepare s as ${ALL}`));
  t.strictSame(values(await client.until("Z")), [["1", "a***"]]);
  client.send(encodeQuery("fetch all from c; execute s"));
  t.strictSame(values(await client.until("Z")), [...MASKED.slice(1), ...MASKED]);
  client.send(encodeParse("", "fetch backward all from c"), bind("", ""), encodeExecute(""), encodeSync());
  const frames = await client.until("Z");
  t.equal(values(frames).length, 3);
  t.notMatch(bytesOf(frames), /example/);
  client.send(encodeQuery("execute nobody_knows"));
  t.match(errorIn(await client.until("Z")).get("M"), /what it runs by its name/);
});

t.test("a COPY, in text, CSV and binary", async (t) => {
  const client = await connected(t);
  for (const [options, expected] of [
    ["", "1\ta***\n2\t\\N\n3\tb***\n"],
    ["(format csv, header)", "id,email\n1,a***\n2,\n3,b***\n"],
  ] as const) {
    client.send(encodeQuery(`copy customers to stdout ${options}`));
    const frames = await client.until("Z");
    const data = frames.filter((one) => letter(one) === "d").map(({ body }) => body.toString());
    t.equal(data.join(""), expected);
  }
  client.send(
    encodeParse("", "copy customers to stdout binary"),
    bind("", ""),
    encodeExecute(""),
    encodeSync(),
  );
  const binary = await client.until("Z");
  t.equal(shape(binary), "12HddddcCZ");
  t.match(bytesOf(binary), /a\*\*\*/);
  t.notMatch(bytesOf(binary), /example/);
  client.send(encodeQuery("copy customers to stdout (encoding 'latin1')"));
  t.match(errorIn(await client.until("Z")).get("M"), /its option encoding can't be followed/);
});

t.test("what can't be followed is refused, and the session goes on", async (t) => {
  const client = await connected(t);
  client.send(encodeQuery("select gap()"));
  t.match(errorIn(await client.until("Z")).get("M"), /the function public\.gap/);
  client.send(encodeQuery("select no_catalog()"));
  t.match(errorIn(await client.until("Z")).get("M"), /no_catalog, which is not in the catalog/);
  client.send(encodeParse("", "select gap()"), bind("", ""), encodeExecute(""), encodeSync());
  const frames = await client.until("Z");
  t.equal(shape(frames), "EZ");
  client.send(encodeQuery("select id from customers where id = 1"));
  t.strictSame(values(await client.until("Z")), [["1"]]);
});

t.test("errors and notices quote nothing", async (t) => {
  const client = await connected(t);
  client.send(encodeQuery(`insert into customers values (4, '${VALUE}')`));
  const unique = await client.until("Z");
  t.equal(errorIn(unique).get("M"), 'duplicate key value violates unique constraint "customers_email_key"');
  client.send(encodeQuery("select boom(email) from customers where id = 1"));
  const raised = await client.until("Z");
  t.equal(shape(raised).replace("T", ""), "NEZ");
  t.equal(errorIn(raised).get("C"), "P0001");
  client.send(encodeQuery("update customers set id = email::int"));
  const cast = await client.until("Z");
  t.equal(errorIn(cast).get("C"), "22P02");
  t.notMatch(bytesOf([...unique, ...raised, ...cast]), /example/);
  client.send(encodeQuery("select id from customers where nonsense"));
  t.equal(
    errorIn(await client.until("Z")).get("M"),
    'column "nonsense" does not exist',
    "others say what they say",
  );
});

t.test("what is checked at the end of the transaction quotes nothing either", async (t) => {
  const client = await connected(t);
  client.send(
    encodeQuery("begin; set constraints all deferred; update customers set email = 'ann@example.org'"),
  );
  t.equal(shape(await client.until("Z")), "CCCZ");
  client.send(encodeQuery("commit"));
  const frames = await client.until("Z");
  t.equal(errorIn(frames).get("C"), "23505");
  t.notMatch(bytesOf(frames), /example/);
  client.send(encodeQuery("select id from nowhere"));
  t.match(errorIn(await client.until("Z")).get("M"), /"nowhere" does not exist/, "over with the transaction");
});

t.test("a row over the limit ends the session, with no part of it shown", async (t) => {
  const client = await connected(t);
  client.send(encodeQuery("select id, email from long"));
  const frames = await client.toEnd();
  t.match(shape(frames), /^T?E$/);
  t.match(errorIn(frames).get("M"), /larger than the gateway masks/);
});

t.test("an answer that is not what was understood ends the session", async (t) => {
  const client = await connected(t);
  client.send(encodeQuery("select id, email, id from customers"));
  const frames = await client.toEnd();
  t.match(shape(frames), /^T?E$/);
  t.match(errorIn(frames).get("M"), /not what the statement was understood to give/);
});

t.test("pg decodes what it is given", async (t) => {
  const client = front.pg();
  await client.connect();
  t.teardown(() => client.end());
  t.strictSame((await client.query(ALL)).rows, [
    { id: 1, email: "a***" },
    { id: 2, email: null },
    { id: 3, email: "b***" },
  ]);
  t.strictSame((await client.query({ text: ALL, name: "again", values: [] })).rows.length, 3);
  t.strictSame((await client.query({ text: ALL, name: "again", values: [] })).rows[2], {
    id: 3,
    email: "b***",
  });
});

t.test("a masked Execute that fails tells its own client so", async (t) => {
  const client = await connected(t);
  client.send(encodeQuery("begin"), encodeParse("", ALL), bind("p", ""), execute("p", 1), encodeSync());
  await client.until("Z");
  await client.until("Z");
  client.send(encodeQuery("insert into plain values (1/0)"));
  await client.until("Z");
  client.send(execute("p", 1), encodeSync());
  const frames = await client.until("Z");
  t.equal(shape(frames), "EZ");
  t.equal(errorIn(frames).get("C"), "25P02");
});

t.test("a function that is called by its object id is refused", async (t) => {
  const client = await connected(t);
  const call = Buffer.alloc(4 + 2 + 2 + 2);
  call.writeInt32BE(1299, 0);
  client.send(frame("F", call));
  t.match(errorIn(await client.until("Z")).get("M"), /called by its object id/);
});

t.test("an answer that comes from elsewhere than was planned ends the session", async (t) => {
  const SWAP =
    "begin; alter table customers rename id to aside; alter table customers rename other to id; alter table customers rename aside to other; commit";
  await admin.query("alter table customers add other int default 7");
  t.teardown(() => admin.query("alter table customers drop other"));
  const ways: readonly (readonly [string, readonly Buffer[]])[] = [
    ["simple", [encodeQuery("select id from customers")]],
    [
      "described",
      [
        encodeParse("", "select id from customers"),
        bind("", ""),
        encodeNamedObject("D", "portal", ""),
        encodeExecute(""),
        encodeSync(),
      ],
    ],
    [
      "a statement described",
      [
        encodeParse("", "select id from customers"),
        encodeNamedObject("D", "statement", ""),
        bind("", ""),
        encodeExecute(""),
        encodeSync(),
      ],
    ],
    [
      "not described",
      [encodeParse("", "select id from customers"), bind("", ""), encodeExecute(""), encodeSync()],
    ],
  ];
  for (const [name, messages] of ways) {
    const client = await connected(t);
    client.send(...messages);
    t.strictSame(values(await client.until("Z")), [["1"], ["2"], ["3"]], `${name}: as planned`);
    await admin.query(SWAP);
    try {
      client.send(...messages);
      const frames = await client.toEnd();
      t.strictSame(values(frames), [], name);
      t.match(errorIn(frames).get("M"), /not what the statement was understood to give/);
    } finally {
      await admin.query(SWAP);
    }
  }
});

t.test("a prepared statement of which nothing is masked is described to the gateway once", async (t) => {
  let described = 0;
  const address = await relayTo(t, server, {
    change: (frame) => {
      if (letter(frame) === "T") described++;
      return frame.bytes;
    },
  });
  const counted = await startFront({ ...options, address, password: server.superuser.password });
  t.teardown(() => counted.close());
  const client = await counted.connect();
  t.teardown(() => client.socket.destroy());
  client.send(encodeParse("s", "select id from customers"), encodeSync());
  t.equal(shape(await client.until("Z")), "1Z");
  described = 0;
  for (let i = 0; i < 3; i++) {
    client.send(bind("", "s"), encodeExecute(""), encodeSync());
    t.equal(shape(await client.until("Z")), "2DDDCZ");
  }
  t.equal(described, 1);
  masks = [...CONTACTS];
  client.send(bind("", "s"), encodeExecute(""), encodeSync());
  await client.until("Z");
  t.equal(described, 2, "by another plan, again");
});
