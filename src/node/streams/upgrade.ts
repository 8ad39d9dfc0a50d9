import type { ByteStream, HostNet } from "../../env/host.ts";
import { concatBytes, textOf, utf8 } from "../../util/bytes.ts";
import { TransientError } from "../../util/errors.ts";

/** A connection that has left HTTP behind, and the bytes that came with the head already. */
export interface Upgraded {
  readonly stream: ByteStream;
  /** Gets every byte after the head, from the first on. To be called once, at once. */
  readonly onData: (run: (bytes: Uint8Array) => void) => void;
}

const headBytesMax = 64 * 1024;

/**
 * Asks containerd's streaming server to speak SPDY on this connection. Rejects with
 * `TransientError` and the server's words when it does not: a URL is good once.
 */
export async function upgradeToSpdy(net: HostNet, url: string, protocol: string): Promise<Upgraded> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const stream = await net.dial({ host: hostname, port: Number(port) });
  const lines = [
    `POST ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: SPDY/3.1",
    `X-Stream-Protocol-Version: ${protocol}`,
    "Content-Length: 0",
  ];
  return new Promise((resolve, reject) => {
    const waiting: Uint8Array[] = [];
    let take: ((bytes: Uint8Array) => void) | undefined;
    let isUpgraded = false;
    const fail = (why: string): void => {
      stream.destroy();
      reject(new TransientError(`the runtime's stream cannot be opened: ${why}`));
    };
    stream.onClose((error) => {
      if (!isUpgraded) fail(error?.message ?? "it was closed");
    });
    stream.onData((bytes) => {
      if (take !== undefined) return take(bytes);
      waiting.push(bytes);
      if (isUpgraded) return;
      const received = concatBytes(waiting);
      const end = endOfHead(received);
      if (end === undefined) {
        if (received.length > headBytesMax) fail("its answer has no end");
        return;
      }
      const head = textOf(received.subarray(0, end));
      if (!head.startsWith("HTTP/1.1 101 ")) {
        fail(`${head.split("\r\n")[0]} ${textOf(received.subarray(end)).trim()}`);
        return;
      }
      isUpgraded = true;
      waiting.splice(0, waiting.length, received.subarray(end));
      resolve({
        stream,
        onData: (run) => {
          take = run;
          for (const early of waiting.splice(0)) if (early.length > 0) run(early);
        },
      });
    });
    stream.write(utf8(`${lines.join("\r\n")}\r\n\r\n`));
  });
}

/** Where the body begins. */
function endOfHead(bytes: Uint8Array): number | undefined {
  for (let index = 3; index < bytes.length; index += 1) {
    const isEnd = bytes[index] === 10 && bytes[index - 1] === 13 && bytes[index - 2] === 10 && bytes[index - 3] === 13;
    if (isEnd) return index + 1;
  }
  return undefined;
}
