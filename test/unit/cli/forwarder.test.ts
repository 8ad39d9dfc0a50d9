import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { Carrier } from "../../../src/cli/forward-carrier.ts";
import { grpcOf } from "../../../src/cli/forwarder.ts";

/** Answers every connection with its name and what it was told. */
async function master(t: ExecutionContext, name: string, serve?: (socket: Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    if (serve !== undefined) return serve(socket);
    socket.on("data", (bytes) => socket.write(`${name} heard ${bytes.toString()}`));
  });
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  t.teardown(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A port that nobody listens on. */
async function nobody(): Promise<string> {
  const server = createServer();
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

async function carrier(
  t: ExecutionContext,
  targets: () => readonly string[],
): Promise<{ readonly port: number; readonly carrier: Carrier }> {
  const port = Number((await nobody()).split(":")[1]);
  const options = {
    host: "127.0.0.1",
    port,
    targets,
    broken: () => undefined,
    complain: (words: string) => t.log(words),
  };
  const made = new Carrier(options);
  await made.listen();
  t.teardown(() => made.stop());
  return { port, carrier: made };
}

async function ask(port: number, words: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.write(words);
  const [bytes] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return bytes.toString();
}

test("a connection goes to the first master that answers; one that is not there is passed over", async (t) => {
  const targets = [await nobody(), await master(t, "second"), await master(t, "third")];
  const { port } = await carrier(t, () => targets);
  t.is(await ask(port, "hello"), "second heard hello");
});

test("a master that takes the greeting and dies has not been greeted: the next one is told the same", async (t) => {
  const heard: string[] = [];
  const dying = await master(t, "dying", (socket) =>
    socket.once("data", (bytes) => {
      heard.push(bytes.toString());
      socket.resetAndDestroy();
    }),
  );
  const targets = [dying, await master(t, "living")];
  const { port } = await carrier(t, () => targets);
  t.is(await ask(port, "hello"), "living heard hello");
  t.deepEqual(heard, ["hello"]);
});

test("what has been answered is not told to another master: the client sees its connection break", async (t) => {
  const half = await master(t, "half", (socket) => {
    socket.write("first");
    socket.once("data", () => socket.resetAndDestroy());
  });
  const targets = [half, await master(t, "living")];
  const { port } = await carrier(t, () => targets);
  const socket = connect({ host: "127.0.0.1", port });
  const said: string[] = [];
  socket.on("data", (bytes) => {
    said.push(bytes.toString());
    socket.write("more");
  });
  socket.on("error", () => socket.destroy());
  await once(socket, "close");
  t.deepEqual(said, ["first"]);
});

test("while no master answers a client waits, and goes to the one that comes", async (t) => {
  const gone = await nobody();
  let targets: readonly string[] = [gone];
  const { port } = await carrier(t, () => targets);
  const asked = ask(port, "hello");
  targets = [gone, await master(t, "late")];
  t.is(await asked, "late heard hello");
});

test("connections of a master that has gone silent are let go", async (t) => {
  const silent = await master(t, "silent");
  const { port, carrier: made } = await carrier(t, () => [silent]);
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => socket.destroy());
  socket.write("hello");
  await once(socket, "data");
  made.drop(silent);
  await once(socket, "close");
  t.pass();
});

test("gRPC is the next port, of an IPv6 address, too", (t) => {
  t.is(grpcOf("10.0.0.1:6443"), "10.0.0.1:6444");
  t.is(grpcOf("[fd00::1]:7000"), "[fd00::1]:7001");
});
