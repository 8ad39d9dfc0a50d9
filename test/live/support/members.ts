/** The masters of a cluster as a client inside its namespace sees them: ports, processes, who leads. */
import { readdirSync, readFileSync } from "node:fs";
import { connect, type ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { parse } from "yaml";

export interface Member {
  readonly name: string;
  readonly host: string;
  readonly apiPort: number;
}

export interface MemberSaid {
  readonly name: string;
  readonly role: string;
  readonly term: number;
}

/** Many requests on one connection, which is there before it is needed. */
export interface MemberClient {
  readonly member: Member;
  /** Rejects when no whole answer comes. */
  call(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: string }>;
  said(): Promise<MemberSaid>;
  close(): void;
}

interface ClusterJson {
  readonly masters?: readonly { readonly name: string; readonly apiPort: number; readonly address?: string }[];
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

const wholeMaxMs = 90_000;
const callMaxMs = 15_000;

export function membersOf(dataDir: string): readonly Member[] {
  const { masters = [] } = JSON.parse(readFileSync(join(dataDir, "cluster.json"), "utf8")) as ClusterJson;
  return masters.map(({ name, apiPort, address }) => ({ name, apiPort, host: address ?? "127.0.0.1" }));
}

/** The process of a master; of a lone one without a name. */
export function pidOfMember(dataDir: string, name?: string): number | undefined {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      const isServer = words.includes("server") && words[words.indexOf("--data-dir") + 1] === dataDir;
      if (isServer && (name === undefined || words[words.indexOf("--member") + 1] === name)) return Number(entry);
    } catch (error) {
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return undefined;
}

export function openMember(kubeconfig: string, member: Member): MemberClient {
  const config = parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
  const inline = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64");
  const { cluster } = config.clusters[0]!;
  const { user } = config.users[0]!;
  // Made once: it takes milliseconds, and a test shares its processors with the cluster whose times it takes.
  const secureContext = createSecureContext({
    ca: inline(cluster["certificate-authority-data"]),
    cert: inline(user["client-certificate-data"]),
    key: inline(user["client-key-data"]),
  });
  const open = (): ClientHttp2Session => {
    const made = connect(`https://${member.host}:${member.apiPort}`, { secureContext });
    // What was asked on it is told.
    made.on("error", () => made.destroy());
    return made;
  };
  let session = open();
  const client: MemberClient = {
    member,
    call(method, path, body) {
      if (session.closed || session.destroyed) session = open();
      return send(session, { method, path, body });
    },
    async said() {
      return JSON.parse((await client.call("GET", "/troupe/v1/member")).body) as MemberSaid;
    },
    close: () => session.destroy(),
  };
  return client;
}

function send(
  session: ClientHttp2Session,
  { method, path, body }: { readonly method: string; readonly path: string; readonly body: unknown },
): ReturnType<MemberClient["call"]> {
  return new Promise((resolve, reject) => {
    const headers = { ":method": method, ":path": path, "content-type": "application/json" };
    const stream = session.request(headers, { endStream: body === undefined });
    let status = 0;
    const chunks: Buffer[] = [];
    stream.once("response", (head) => (status = Number(head[":status"])));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("error", reject);
    stream.once("end", () => resolve({ status, body: Buffer.concat(chunks).toString() }));
    stream.once("close", () => reject(new Error("the connection broke")));
    stream.setTimeout(callMaxMs, () => stream.destroy(new Error("no answer in time")));
    if (body !== undefined) stream.end(JSON.stringify(body));
  });
}

/** What all say, once one leads and all the others follow it in its term: with two of three dead nobody could go on. */
export async function whole(clients: readonly MemberClient[]): Promise<readonly MemberSaid[]> {
  const untilMs = Date.now() + wholeMaxMs;
  for (;;) {
    const said = await Promise.all(clients.map((client) => client.said().catch(() => undefined)));
    const known = said.filter((each) => each !== undefined);
    const leader = known.find(({ role }) => role === "leader");
    const isWhole =
      known.length === clients.length &&
      known.every(({ role, term }) => term === leader?.term && (role === "leader" || role === "follower"));
    if (isWhole) return known;
    if (Date.now() > untilMs) throw new Error(`the masters are not whole: ${JSON.stringify(said)}`);
    await delay(50);
  }
}
