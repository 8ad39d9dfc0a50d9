import { once } from "node:events";
import * as net from "node:net";
import test from "ava";

import { realNet } from "../../../src/env/real/net.ts";
import { textOf, utf8 } from "../../../src/util/bytes.ts";

test("what the other side said before it went is read, also where writing to it fails first", async (t) => {
  const server = net.createServer();
  t.teardown(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[net.Socket]>;
  const { port } = server.address() as net.AddressInfo;
  const stream = await realNet().dial({ host: "127.0.0.1", port });
  const [peer] = await accepted;
  stream.pause();
  let said = "";
  stream.onData((bytes) => (said += textOf(bytes)));
  const closed = new Promise<Error | undefined>((resolve) => stream.onClose(resolve));
  stream.pause();
  // It ends with input that it has not read: its system resets the connection.
  stream.write(utf8("not wanted"));
  await once(peer, "readable");
  peer.write("all there is to say");
  await new Promise((resolve) => void peer.write("", resolve));
  peer.resetAndDestroy();
  await once(peer, "close");
  stream.write(utf8("into the void"));
  await new Promise((resolve) => setImmediate(resolve));
  stream.write(utf8("again"));
  stream.write(utf8("and again"));
  await new Promise((resolve) => setImmediate(resolve));
  stream.resume();
  await closed;
  t.is(said, "all there is to say");
});
