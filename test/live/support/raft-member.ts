// A process of its own for peers.test.ts: one member of a log over mutual TLS on the loopback. Its
// standard input asks: `dump` prints all words. Usage: raft-member JSON
import { createInterface } from "node:readline";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { createRealDisk } from "../../../src/env/real/disk.ts";
import { realSecureSockets } from "../../../src/env/real/secure-sockets.ts";
import { noFaults } from "../../../src/env/faults.ts";
import type { Env } from "../../../src/env/env.ts";
import { createRaft } from "../../../src/raft/driver.ts";
import { PeerTransport } from "../../../src/raft/peer-transport.ts";
import { createSimRandom } from "../../../src/sim/random.ts";

export interface MemberSpec {
  readonly folder: string;
  readonly id: number;
  readonly clusterId: string;
  readonly voters: readonly number[];
  readonly ports: Readonly<Record<number, number>>;
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

const spec = JSON.parse(process.argv[2] as string) as MemberSpec;
const { id, clusterId, voters, ports, certificate, key, authority } = spec;
const words: string[] = [];
let indexOfLast = 0;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const env: Env = {
  disk: createRealDisk(spec.folder),
  crypto: realCrypto,
  random: createSimRandom(process.pid),
  faults: noFaults,
  log: () => undefined,
  clock: {
    wall: () => Date.now(),
    mono: () => performance.now(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  },
};

const transport = new PeerTransport({
  clock: env.clock,
  crypto: realCrypto,
  log: () => undefined,
  sockets: realSecureSockets,
  listenAt: { host: "127.0.0.1", port: ports[id] as number },
  credentials: () => ({ certificate, key, authority }),
});

const raft = createRaft({
  env,
  transport,
  birth: {
    clusterId,
    memberId: id,
    voters,
    directory: voters.map((voter) => ({ id: voter, address: `127.0.0.1:${ports[voter]}`, isReader: false })),
  },
  segmentBytes: 1_048_576,
  snapshotLogBytes: 400_000,
  memoryTailEntries: 100,
  onFatal: (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(3);
  },
  stateMachine: {
    async restore(meta, chunks) {
      const pieces: Buffer[] = [];
      for await (const chunk of chunks) pieces.push(Buffer.from(chunk));
      const all = Buffer.concat(pieces).toString();
      words.splice(0, words.length, ...(all === "" ? [] : all.split(",")));
      indexOfLast = meta.index;
    },
    snapshot() {
      const all = Buffer.from(words.join(","));
      const chunks = (async function* () {
        yield all;
      })();
      return { index: indexOfLast, digest: { a: words.length, b: 0 }, chunks };
    },
  },
  listener: {
    role: (role, term) => say(`role ${role} ${term}`),
    committed(entries) {
      const isLeading = raft.role === "leader";
      for (const { kind, payload, index } of entries) {
        indexOfLast = index;
        if (kind === "normal") words.push(Buffer.from(payload).toString());
      }
      if (isLeading && words.length > 0) say(`ack ${words.at(-1)}`);
    },
  },
});

await raft.open();
await transport.start(raft);
await raft.start();
say(`start ${raft.incarnation}`);

let next = 0;
setInterval(() => {
  if (raft.role !== "leader" || raft.isDiskFull) return;
  next += 1;
  try {
    raft.propose(Buffer.from(`${id}.${raft.incarnation}.${next}`));
  } catch {
    // Between two leaders: the next tick asks again.
    next -= 1;
  }
}, 3);

createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "dump") say(`dump ${words.join(",")}`);
  if (line === "transfer") raft.transfer().catch((error: unknown) => say(`refused ${String(error)}`));
});
