// A process of its own for wal-kill.test.ts: writes numbered words to a log on the real disk and
// prints each one once it is committed. Usage: log-writer DIR
import { setTimeout as after } from "node:timers/promises";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { createRealDisk } from "../../../src/env/real/disk.ts";
import { noFaults } from "../../../src/env/faults.ts";
import { createRaft } from "../../../src/raft/driver.ts";
import { createSimRandom } from "../../../src/sim/random.ts";

const folder = process.argv[2] as string;
const words: string[] = [];
let indexOfLast = 0;

const text = (word: string): string => `${word}:${"#".repeat(Number(word) % 900)}`;

const raft = createRaft({
  env: {
    disk: createRealDisk(folder),
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
  },
  segmentBytes: 1_048_576,
  snapshotLogBytes: 2_097_152,
  onFatal: (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(3);
  },
  stateMachine: {
    async restore(meta, chunks) {
      let all = "";
      for await (const chunk of chunks) all += Buffer.from(chunk).toString();
      for (const word of all.split(",")) if (word !== "") words.push(word);
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
    role: () => undefined,
    committed(entries) {
      for (const { kind, payload, index } of entries) {
        indexOfLast = index;
        if (kind !== "normal") continue;
        const word = Buffer.from(payload).toString();
        if (word !== text(word.split(":")[0] as string)) throw new Error(`a torn entry: ${word}`);
        words.push(word.split(":")[0] as string);
      }
      if (isRunning) process.stdout.write(`ack ${words.at(-1)}\n`);
    },
  },
});

let isRunning = false;
await raft.start();
for (const [at, word] of words.entries()) {
  if (Number(word) !== at + 1) throw new Error(`word ${word} stands at place ${at + 1}`);
}
process.stdout.write(`start ${raft.incarnation} ${words.length}\n`);
isRunning = true;
for (let next = words.length + 1; ;) {
  const count = 1 + (next % 7);
  for (let n = 0; n < count; n += 1, next += 1) raft.propose(Buffer.from(text(String(next))));
  await new Promise((resolve) => setImmediate(resolve));
  while (words.length < next - 200) await after(1);
}
