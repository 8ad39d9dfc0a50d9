/** Ports that stay free until they are used: the kernel gives none of them to a connection that goes out. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Below those that Linux takes for connections (32768 on). */
const range = { first: 12_000, size: 16_000 } as const;
const host = "127.0.0.1";

/** Of TCP and UDP on the loopback; nobody is given the same one twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = range.first + Math.floor(Math.random() * range.size);
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
    await delay(1);
  }
}

const given = new Set<number>();

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const socket = createSocket("udp4");
  const tried = await Promise.allSettled([
    once(server.listen(port, host), "listening"),
    once(socket.bind(port, host), "listening"),
  ]);
  if (server.listening) await new Promise((resolve) => server.close(resolve));
  await new Promise<void>((resolve) => void socket.close(resolve));
  return tried.every(({ status }) => status === "fulfilled");
}
