/**
 * A process: one member of a log with the product's disk, transport over mutual TLS and limits, and no API
 * above it. Clients speak `log-wire` over plain TCP. Usage: log-member JSON. With NODE_OPTIONS for a profile
 * a line on its standard input ends it in order.
 */
import { createInterface } from "node:readline";
import { createServer, type Socket } from "node:net";
import { realClock } from "../../src/env/real/clock.ts";
import { realCrypto } from "../../src/env/real/crypto.ts";
import { createRealDisk } from "../../src/env/real/disk.ts";
import { realRandom } from "../../src/env/real/random.ts";
import { realSecureSockets } from "../../src/env/real/secure-sockets.ts";
import { noFaults } from "../../src/env/faults.ts";
import { createRaft } from "../../src/raft/driver.ts";
import { PeerTransport } from "../../src/raft/peer-transport.ts";
import { kinds, replyBytes, requestHeadBytes, TurnWriter } from "./log-wire.ts";

export interface LogMemberSpec {
  readonly folder: string;
  readonly id: number;
  readonly clusterId: string;
  readonly voters: readonly number[];
  readonly peerPorts: Readonly<Record<number, number>>;
  readonly clientPort: number;
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

const spec = JSON.parse(process.argv[2] as string) as LogMemberSpec;
const { id, clusterId, voters, peerPorts } = spec;
const env = {
  disk: createRealDisk(spec.folder),
  crypto: realCrypto,
  random: realRandom,
  faults: noFaults,
  log: () => undefined,
  clock: realClock,
};
const transport = new PeerTransport({
  clock: realClock,
  crypto: realCrypto,
  log: () => undefined,
  sockets: realSecureSockets,
  listenAt: { host: "127.0.0.1", port: peerPorts[id]! },
  credentials: () => spec,
});

interface Waiting {
  readonly reply: (isDone: boolean) => void;
  readonly index: number;
}
let waiting: Waiting[] = [];
let indexOfLast = 0;

const raft = createRaft({
  env,
  transport,
  birth: {
    clusterId,
    memberId: id,
    voters,
    directory: voters.map((voter) => ({ id: voter, address: `127.0.0.1:${peerPorts[voter]}`, isReader: false })),
  },
  onFatal: (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(3);
  },
  stateMachine: {
    async restore(meta) {
      indexOfLast = meta.index;
    },
    snapshot: () => ({ index: indexOfLast, digest: { a: 0, b: 0 }, chunks: nothing() }),
  },
  listener: {
    role: (role) => {
      if (role === "leader") return;
      for (const { reply } of waiting) reply(false);
      waiting = [];
    },
    committed(entries) {
      indexOfLast = entries.at(-1)?.index ?? indexOfLast;
      let done = 0;
      for (; done < waiting.length && waiting[done]!.index <= indexOfLast; done += 1) waiting[done]!.reply(true);
      if (done > 0) waiting.splice(0, done);
    },
  },
});

async function* nothing(): AsyncGenerator<Uint8Array> {}

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  const out = new TurnWriter(socket);
  let rest = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let at = 0;
    while (at + 4 <= all.length) {
      const end = at + 4 + all.readUInt32BE(at);
      if (end > all.length) break;
      const answer = Buffer.allocUnsafe(replyBytes);
      answer.writeUInt32BE(all.readUInt32BE(at + 4), 0);
      const reply = (isDone: boolean): void => {
        answer[4] = isDone ? 1 : 0;
        out.write(answer);
      };
      handle(all[at + 8]!, all.subarray(at + requestHeadBytes, end), reply);
      at = end;
    }
    rest = Buffer.from(all.subarray(at));
  });
}

/** Like the actor host: what comes while pending input is worked off is one turn. */
let turn: (() => void)[] = [];
function inTurn(work: () => void): void {
  if (turn.length === 0) {
    realClock.after(0, () => {
      const works = turn;
      turn = [];
      for (const one of works) one();
    });
  }
  turn.push(work);
}

function handle(kind: number, payload: Buffer, reply: (isDone: boolean) => void): void {
  if (kind === kinds.whoLeads) return reply(raft.role === "leader");
  if (kind === kinds.read) {
    raft.readIndex().then(
      () => reply(true),
      () => reply(false),
    );
    return;
  }
  // The log keeps it: never a part of the socket's buffer.
  const kept = Uint8Array.prototype.slice.call(payload);
  inTurn(() => propose(kept, reply));
}

function propose(payload: Uint8Array, reply: (isDone: boolean) => void): void {
  try {
    waiting.push({ index: raft.propose(payload), reply });
  } catch {
    // It does not lead: the client asks another member.
    reply(false);
  }
}

await raft.open();
await transport.start(raft);
await raft.start();
createServer(serve).listen(spec.clientPort, "127.0.0.1");
createInterface({ input: process.stdin }).on("line", () => process.exit(0));
