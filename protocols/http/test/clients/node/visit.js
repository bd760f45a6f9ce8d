// @ts-nocheck -- the clients' types are not the repository's.
// One round of what clients do: node visit.js CLIENT BASE TOKEN. Prints one line of JSON.
import { Readable } from "node:stream";
import axios from "axios";
import * as undici from "undici";

const [, , client, base, token] = process.argv;
const headers = { authorization: `Bearer ${token}` };
const json = { ...headers, "content-type": "application/json" };
const size = 20_000_000;

async function byFetch(method, path, body) {
  const fetched = client === "undici" ? undici.fetch : fetch;
  const response = await fetched(base + path, { method, headers: body ? json : headers, body });
  return { status: response.status, url: response.url, stream: Readable.fromWeb(response.body) };
}

async function byAxios(method, path, body) {
  const options = { responseType: "stream", validateStatus: () => true, maxBodyLength: Infinity };
  const response = await axios.request({
    method,
    url: base + path,
    headers: body ? json : headers,
    data: body,
    ...options,
  });
  return { status: response.status, url: response.request.res.responseUrl, stream: response.data };
}

const ask = client === "axios" ? byAxios : byFetch;
const text = async ({ stream }) => Buffer.concat(await stream.toArray()).toString();

const got = await text(await ask("GET", "/hello"));
const posted = JSON.parse(await text(await ask("POST", "/echo", '{"a":1}')));
const up = await text(await ask("PUT", "/count", Buffer.alloc(size)));
let down = 0;
for await (const part of (await ask("GET", "/large")).stream) down += part.length;
const redirected = await ask("GET", "/moved");
const moved = [await text(redirected), new URL(redirected.url).pathname];
const no = await ask("DELETE", "/hello");
const refused = [no.status, JSON.parse(await text(no)).detail];
const events = [];
for await (const part of (await ask("GET", "/events")).stream) {
  events.push(String(part).trim());
  if (events.length === 1) await text(await ask("POST", "/next", "{}"));
}
const held = await text(await ask("POST", "/held", "{}"));
process.stdout.write(JSON.stringify({ got, posted, up, down, moved, refused, events, held }));
