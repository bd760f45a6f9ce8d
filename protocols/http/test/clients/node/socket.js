// @ts-nocheck -- the clients' types are not the repository's.
// One round of a WebSocket by `ws`: node socket.js BASE TOKEN, where BASE is wss://GATEWAY/TARGET. Prints one line of JSON.
// Its server, for the gateway to reach: node socket.js serve. It prints its port, and then a line for each thing that it hears.
import { once } from "node:events";
import { WebSocket, WebSocketServer } from "ws";

const [, , base, token] = process.argv;
const LARGE = "x".repeat(300_000);

if (base === "serve") await serve();
else await visit();

async function serve() {
  const tell = (...words) => process.stdout.write(`${JSON.stringify(words)}\n`);
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    perMessageDeflate: true,
    handleProtocols: (offered) => [...offered].at(-1),
  });
  await once(server, "listening");
  tell("port", server.address().port);
  server.on("connection", (socket, { url, headers }) => {
    tell("asked", url, headers.authorization, headers["sec-websocket-extensions"] ?? null);
    socket.on("message", (data, isBinary) => {
      const text = data.toString();
      tell(isBinary ? "binary" : "text", text.length > 100 ? text.length : text);
      if (text === "leave") socket.close(4000, "as you wish");
      else socket.send(data, { binary: isBinary });
    });
    socket.on("close", (code) => tell("closed", code));
    socket.send("welcome");
  });
}

async function visit() {
  const options = { headers: { authorization: `Bearer ${token}` } };
  const heard = [];
  const open = async (path) => {
    const socket = new WebSocket(base + path, ["first", "second"], options);
    const messages = [];
    let wake;
    socket.on("message", (data, isBinary) => {
      messages.push(isBinary ? data.toString("hex") : data.toString());
      wake?.();
    });
    const next = async () => {
      while (messages.length === 0) await new Promise((resolve) => (wake = resolve));
      return messages.shift();
    };
    await once(socket, "open");
    return { socket, next };
  };

  const { socket, next } = await open("/chat?room=7");
  heard.push(socket.protocol, socket.extensions, await next());
  for (const said of ["hello", Buffer.from([0, 255]), LARGE]) {
    socket.send(said);
    const back = await next();
    heard.push(back === LARGE ? "large" : back);
  }
  // In three frames, with a ping between two of them.
  socket.send("one ", { fin: false });
  socket.ping("there?");
  socket.send("two ", { fin: false });
  socket.send("three");
  heard.push((await once(socket, "pong"))[0].toString(), await next());
  socket.send("held");
  heard.push(await next());
  socket.send("leave");
  const [code, reason] = await once(socket, "close");
  heard.push([code, reason.toString()]);

  const second = await open("/chat");
  await second.next();
  second.socket.send("forbidden");
  const [refused, why] = await once(second.socket, "close");
  heard.push([refused, why.toString()]);

  const third = new WebSocket(`${base}/elsewhere`, options);
  const [, response] = await once(third, "unexpected-response");
  heard.push(response.statusCode);
  response.destroy();
  process.stdout.write(`${JSON.stringify(heard)}\n`);
}
