import { Secret } from "@gatehouse/core";
import t from "tap";
import { checkAside, encodeIgnore, encodeUnimplemented } from "../../src/codec/asides.ts";
import { decodeDisconnect, encodeDisconnect } from "../../src/codec/disconnect.ts";
import { decodeExtInfo, encodeExtInfo } from "../../src/codec/ext-info.ts";
import {
  decodeExchangeInit,
  decodeExchangeReply,
  decodeNewKeys,
  encodeExchangeInit,
  encodeExchangeReply,
  encodeNewKeys,
} from "../../src/codec/key-exchange.ts";
import { number } from "../../src/codec/numbers.ts";
import { decodeService, encodeServiceAccept, encodeServiceRequest } from "../../src/codec/service.ts";
import {
  decodeBanner,
  decodePkOk,
  decodeUserauthFailure,
  decodeUserauthSuccess,
  encodeBanner,
  encodePkOk,
  encodeUserauthFailure,
  encodeUserauthSuccess,
} from "../../src/codec/userauth-answer.ts";
import {
  decodeInfoRequest,
  decodeInfoResponse,
  encodeInfoRequest,
  encodeInfoResponse,
} from "../../src/codec/userauth-info.ts";
import {
  decodeUserauthRequest,
  encodeKeyboardInteractiveRequest,
  encodeKeyRequest,
  encodeNoneRequest,
  encodePasswordRequest,
  signedData,
  withSignature,
} from "../../src/codec/userauth-request.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

const [a, b, c] = [Buffer.from("a"), Buffer.from([0, 255, 1]), Buffer.alloc(300, 7)];
const key = { algorithm: "ssh-ed25519", blob: b };
const unsigned = encodeKeyRequest("anna", "ssh-connection", key, false);
const toSign = encodeKeyRequest("anna", "ssh-connection", key, true);
const extensions = new Map([
  ["server-sig-algs", Buffer.from("ssh-ed25519")],
  ["other@example.com", b],
]);

function string(text: string): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return length.toString("latin1") + Buffer.from(text).toString("latin1");
}

interface Message {
  readonly name: string;
  readonly bytes: Buffer;
  /** As it stands in the RFC; undefined where it is what others were found to send, in the tests with clients. */
  readonly wire?: string;
  readonly decode: (bytes: Buffer) => unknown;
  readonly value: unknown;
}

const messages: readonly Message[] = [
  {
    name: "DISCONNECT",
    bytes: encodeDisconnect({ reason: 11, description: "bye ü" }),
    wire: `\x01\0\0\0\x0b${string("bye ü")}${string("")}`,
    decode: decodeDisconnect,
    value: { reason: 11, description: "bye ü" },
  },
  { name: "IGNORE", bytes: encodeIgnore(c), decode: checkAside, value: undefined },
  {
    name: "UNIMPLEMENTED",
    bytes: encodeUnimplemented(0xffff_fffe),
    wire: "\x03\xff\xff\xff\xfe",
    decode: checkAside,
    value: undefined,
  },
  {
    name: "DEBUG",
    bytes: Buffer.from(`\x04\x01${string("text")}${string("")}`, "latin1"),
    decode: checkAside,
    value: undefined,
  },
  {
    name: "SERVICE_REQUEST",
    bytes: encodeServiceRequest("ssh-userauth"),
    wire: `\x05${string("ssh-userauth")}`,
    decode: decodeService,
    value: "ssh-userauth",
  },
  {
    name: "SERVICE_ACCEPT",
    bytes: encodeServiceAccept("ssh-connection"),
    wire: `\x06${string("ssh-connection")}`,
    decode: decodeService,
    value: "ssh-connection",
  },
  {
    name: "EXT_INFO",
    bytes: encodeExtInfo(extensions),
    decode: (bytes) => decodeExtInfo(bytes),
    value: extensions,
  },
  { name: "NEWKEYS", bytes: encodeNewKeys(), wire: "\x15", decode: decodeNewKeys, value: undefined },
  { name: "KEX_ECDH_INIT", bytes: encodeExchangeInit(b), decode: decodeExchangeInit, value: b },
  {
    name: "KEX_ECDH_REPLY",
    bytes: encodeExchangeReply({ hostKey: a, publicValue: b, signature: c }),
    decode: decodeExchangeReply,
    value: { hostKey: a, publicValue: b, signature: c },
  },
  {
    name: "USERAUTH_REQUEST none",
    bytes: encodeNoneRequest("anna@öl", "ssh-connection"),
    wire: `2${string("anna@öl")}${string("ssh-connection")}${string("none")}`,
    decode: decodeUserauthRequest,
    value: { user: "anna@öl", service: "ssh-connection", auth: { method: "none" } },
  },
  {
    name: "USERAUTH_REQUEST publickey, asked",
    bytes: unsigned,
    decode: decodeUserauthRequest,
    value: {
      user: "anna",
      service: "ssh-connection",
      auth: { method: "publickey", ...key, hostKey: undefined, signature: undefined, signed: unsigned },
    },
  },
  {
    name: "USERAUTH_REQUEST publickey, signed",
    bytes: withSignature(toSign, c),
    decode: decodeUserauthRequest,
    value: {
      user: "anna",
      service: "ssh-connection",
      auth: { method: "publickey", ...key, hostKey: undefined, signature: c, signed: toSign },
    },
  },
  {
    name: "USERAUTH_REQUEST keyboard-interactive",
    bytes: encodeKeyboardInteractiveRequest("anna", "ssh-connection"),
    wire: `2${string("anna")}${string("ssh-connection")}${string("keyboard-interactive")}${string("")}${string("")}`,
    decode: decodeUserauthRequest,
    value: { user: "anna", service: "ssh-connection", auth: { method: "keyboard-interactive" } },
  },
  {
    name: "USERAUTH_FAILURE",
    bytes: encodeUserauthFailure({ methods: ["publickey", "password"], partial: true }),
    wire: `3${string("publickey,password")}\x01`,
    decode: decodeUserauthFailure,
    value: { methods: ["publickey", "password"], partial: true },
  },
  {
    name: "USERAUTH_SUCCESS",
    bytes: encodeUserauthSuccess(),
    wire: "4",
    decode: decodeUserauthSuccess,
    value: undefined,
  },
  {
    name: "USERAUTH_BANNER",
    bytes: encodeBanner("welcome\r\n"),
    wire: `5${string("welcome\r\n")}${string("")}`,
    decode: decodeBanner,
    value: "welcome\r\n",
  },
  { name: "USERAUTH_PK_OK", bytes: encodePkOk(key), decode: decodePkOk, value: key },
  {
    name: "USERAUTH_INFO_REQUEST",
    bytes: encodeInfoRequest({ name: "n", instruction: "i", prompts: [{ text: "Password: ", echo: false }] }),
    wire: `<${string("n")}${string("i")}${string("")}\0\0\0\x01${string("Password: ")}\0`,
    decode: decodeInfoRequest,
    value: { name: "n", instruction: "i", prompts: [{ text: "Password: ", echo: false }] },
  },
];

for (const { name, bytes, wire, decode, value } of messages) {
  t.test(`${name} is read as it was written, and not when it is cut off or goes on`, async (t) => {
    if (wire !== undefined) t.equal(bytes.toString("latin1"), wire);
    t.strictSame(decode(bytes), value);
    for (let end = 1; end < bytes.length; end++) {
      // A language tag may be left out.
      if (name === "DISCONNECT" && end === bytes.length - 4) continue;
      t.throws(() => decode(bytes.subarray(0, end)), violation, `cut at ${end}`);
    }
    t.throws(() => decode(Buffer.concat([bytes, Buffer.of(0)])), violation, "a byte too many");
  });
}

t.test("passwords and answers are secrets from the first", async (t) => {
  const bytes = encodePasswordRequest("anna", "ssh-connection", new Secret("pass ü"));
  t.equal(
    bytes.toString("latin1"),
    `2${string("anna")}${string("ssh-connection")}${string("password")}\0${string("pass ü")}`,
  );
  const { auth } = decodeUserauthRequest(bytes);
  t.equal(auth.method === "password" && auth.password.reveal(), "pass ü");
  t.notMatch(JSON.stringify(auth), /pass ü/);
  const answers = decodeInfoResponse(encodeInfoResponse([new Secret("one"), new Secret("")]));
  t.strictSame(
    answers.map((answer) => answer.reveal()),
    ["one", ""],
  );
});

t.test("a password that is to be changed is known as such", async (t) => {
  const head = `2${string("anna")}${string("ssh-connection")}${string("password")}`;
  const bytes = Buffer.from(`${head}\x01${string("old")}${string("new")}`, "latin1");
  t.match(decodeUserauthRequest(bytes).auth, { method: "password", change: true });
  t.throws(
    () => decodeUserauthRequest(Buffer.from(`${head}\0${string("old")}${string("new")}`, "latin1")),
    violation,
  );
});

t.test("a method that is not known is known by its name", async (t) => {
  const bytes = Buffer.from(
    `2${string("anna")}${string("ssh-connection")}${string("hostbased")}\x01\x02`,
    "latin1",
  );
  t.strictSame(decodeUserauthRequest(bytes).auth, { method: "other", name: "hostbased" });
});

t.test("a key that is bound to a host is signed with it (OpenSSH's PROTOCOL, section 3.1)", async (t) => {
  const head = `2${string("anna")}${string("ssh-connection")}${string("publickey-hostbound-v00@openssh.com")}`;
  const signed = Buffer.from(
    `${head}\x01${string("ssh-ed25519")}${string("blob")}${string("host")}`,
    "latin1",
  );
  const { auth } = decodeUserauthRequest(withSignature(signed, c));
  t.match(auth, { method: "publickey", hostKey: Buffer.from("host"), signature: c, signed });
  t.equal(signedData(Buffer.from("id"), signed).toString("latin1"), string("id") + signed.toString("latin1"));
});

t.test("what is not text is not taken for text, and counts are bounded", async (t) => {
  const refused: readonly [string, (bytes: Buffer) => unknown, string][] = [
    ["a user's name", decodeUserauthRequest, `2\0\0\0\x01\xff${string("ssh-connection")}${string("none")}`],
    ["a banner", decodeBanner, `5\0\0\0\x01\xff${string("")}`],
    ["a name with a comma", decodeService, `\x05${string("a,b")}`],
    ["a list with an empty name", decodeUserauthFailure, `3${string("a,,b")}\0`],
    ["many extensions", decodeExtInfo, `\x07\0\0\0\x41${(string("a") + string("b")).repeat(65)}`],
    ["many prompts", decodeInfoRequest, `<${string("")}${string("")}${string("")}\xff\xff\xff\xff`],
    ["many answers", decodeInfoResponse, "=\xff\xff\xff\xff"],
    ["a length that is a lie", decodeExchangeInit, "\x1e\xff\xff\xff\xff"],
  ];
  for (const [name, decode, bytes] of refused) {
    t.throws(() => decode(Buffer.from(bytes, "latin1")), violation, name);
  }
});

t.test("numbers are those of the RFCs, and no two messages of one time have the same", async (t) => {
  const names = Object.entries(number);
  for (const [name, value] of names) {
    const twins = names.filter(([other, same]) => same === value && other !== name).map(([other]) => other);
    const isMethods = value >= 60 && value < 80;
    t.strictSame(isMethods ? [] : twins, [], name);
  }
});
