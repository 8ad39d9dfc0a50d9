/** The cheapest HTTP/2 client that Node has, for workers that load a master. */
import { readFileSync } from "node:fs";
import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2";
import { join } from "node:path";
import { parse } from "yaml";

export interface Access {
  readonly url: string;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export function readAccess(folder: string): Access {
  const file = parse(readFileSync(join(folder, "kubeconfig"), "utf8")) as {
    readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
    readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
  };
  const { cluster } = file.clusters[0]!;
  const { user } = file.users[0]!;
  const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64");
  return {
    url: cluster["server"]!,
    ca: bytes(cluster["certificate-authority-data"]),
    cert: bytes(user["client-certificate-data"]),
    key: bytes(user["client-key-data"]),
  };
}

/** What Go's HTTP/2 client, and with it kubectl and every controller, lets come before it has read. */
const streamWindowBytes = 4 << 20;
const connectionWindowBytes = 1 << 30;

/** Requests are spread over the connections in turn. */
export class Api {
  readonly #sessions: readonly ClientHttp2Session[];
  #next = 0;

  constructor(access: Access, connections: number) {
    const { url, ...tls } = access;
    this.#sessions = Array.from({ length: connections }, () => {
      const session = connect(url, { ...tls, settings: { initialWindowSize: streamWindowBytes } });
      session.once("connect", () => session.setLocalWindowSize(connectionWindowBytes));
      return session;
    });
  }

  send(method: string, path: string, body?: Buffer, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const type = body === undefined ? {} : { "content-type": "application/json" };
      const stream = this.#session().request({ ":method": method, ":path": path, ...type, ...headers });
      const chunks: Buffer[] = [];
      let status = 0;
      stream.on("response", (head) => (status = head[":status"] ?? 0));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => resolve({ status, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) }));
      stream.on("error", reject);
      stream.end(body);
    });
  }

  /** Rejects with what the server said if the code is another one. */
  async expect(code: number, ...request: Parameters<Api["send"]>): Promise<Buffer> {
    const { status, body } = await this.send(...request);
    if (status !== code) throw new Error(`${request[0]} ${request[1]}: ${status} ${body.toString()}`);
    return body;
  }

  /** A GET that stays open; resolves with its first bytes. */
  follow(path: string, onBytes: (bytes: Buffer) => void, onEnd: () => void): void {
    const stream = this.#session().request({ ":path": path });
    stream.on("data", onBytes);
    stream.on("error", onEnd);
    stream.on("end", onEnd);
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #session(): ClientHttp2Session {
    this.#next = (this.#next + 1) % this.#sessions.length;
    return this.#sessions[this.#next]!;
  }
}
