import test from "ava";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { votersOnly } from "../../../src/raft/core/config.ts";
import { SnapshotReceiver } from "../../../src/raft/snapshot-receiver.ts";
import { SnapshotSender } from "../../../src/raft/snapshot-sender.ts";
import { createSnapshotFiles } from "../../../src/raft/snapshot.ts";
import type { SnapshotFiles, SnapshotMeta, SnapshotToSend } from "../../../src/raft/snapshot.ts";
import type { SnapshotMessage } from "../../../src/raft/transport-api.ts";
import { createSimDisk } from "../../../src/sim/disk.ts";
import type { SimDisk } from "../../../src/sim/disk.ts";
import { createSimEnv } from "../../../src/sim/env.ts";
import type { SimEnv } from "../../../src/sim/env.ts";
import { createRng } from "./support/rng.ts";

/** One sender, one receiver, a wire that can be cut, and the pieces that crossed it. */
class Wire {
  readonly env: SimEnv = createSimEnv({ seed: 1 });
  readonly near: SimDisk = createSimDisk({ rng: createRng(1) });
  readonly far: SimDisk = createSimDisk({ rng: createRng(2) });
  readonly nearFiles: SnapshotFiles = this.#files(this.near);
  readonly farFiles: SnapshotFiles = this.#files(this.far);
  readonly whole: SnapshotMeta[] = [];
  readonly ends: string[] = [];
  readonly offsets: number[] = [];
  /** Pieces that still get through. */
  piecesLeft: number = Number.POSITIVE_INFINITY;
  spoil: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;
  /** Which pieces get lost, and how often the others arrive. */
  isLost: (offset: number) => boolean = () => false;
  copies = 1;
  #sender: SnapshotSender | undefined;
  #receiver: SnapshotReceiver = this.#makeReceiver();

  #files(disk: SimDisk): SnapshotFiles {
    return createSnapshotFiles({ disk, crypto: realCrypto, log: () => undefined });
  }

  /** The receiver's process starts anew. */
  restart(): void {
    this.#receiver = this.#makeReceiver();
  }

  #makeReceiver(): SnapshotReceiver {
    return new SnapshotReceiver({
      disk: this.far,
      crypto: realCrypto,
      log: () => undefined,
      files: this.farFiles,
      send: (_to, message) => {
        if (message.type === "snapshotAck" && this.piecesLeft > 0) this.#sender?.onAck(message);
      },
      onWhole: (_from, _term, meta) => void this.whole.push(meta),
      onFatal: (error) => void this.ends.push(error.message),
    });
  }

  async send(): Promise<void> {
    const source = (await this.nearFiles.openToSend()) as SnapshotToSend;
    this.#sender = new SnapshotSender({
      clock: this.env.clock,
      crypto: realCrypto,
      to: 2,
      term: 1,
      source,
      chunkBytes: 1_000,
      send: (_to, message) => this.#carry(message),
      onEnd: (outcome) => void this.ends.push(outcome),
    });
    await this.env.advance(8_000);
  }

  #carry(message: SnapshotMessage): void {
    if (message.type === "snapshotAck") return;
    if (message.type === "snapshotChunk") {
      this.piecesLeft -= 1;
      if (this.piecesLeft <= 0) return;
      this.offsets.push(message.offset);
      if (this.isLost(message.offset)) return;
      for (let copy = 0; copy < this.copies; copy += 1) {
        this.#receiver.receive(1, { ...message, bytes: this.spoil(message.bytes) });
      }
      return;
    }
    if (this.piecesLeft > 0) this.#receiver.receive(1, message);
  }
}

const meta: SnapshotMeta = { index: 40, term: 3, config: votersOnly([1, 2]), digest: { a: 1, b: 2 } };

async function* content(): AsyncIterable<Uint8Array> {
  for (let n = 0; n < 30; n += 1) yield new Uint8Array(400).fill(n);
}

test("a transfer that breaks goes on where it stopped, also in another life of the receiver", async (t) => {
  const wire = new Wire();
  await wire.nearFiles.write(meta, content());
  wire.piecesLeft = 5;
  await wire.send();
  t.deepEqual(wire.ends, ["stalled"]);
  t.deepEqual(wire.offsets, [0, 1_000, 2_000, 3_000]);
  wire.restart();
  wire.piecesLeft = Number.POSITIVE_INFINITY;
  await wire.send();
  t.deepEqual(wire.ends, ["stalled", "done"]);
  t.is(wire.offsets[4], 4_000, "nothing is sent twice");
  t.deepEqual(wire.whole, [meta]);
  const opened = await wire.farFiles.openNewest();
  let bytes = 0;
  for await (const chunk of opened?.chunks() ?? []) bytes += chunk.length;
  t.is(bytes, 12_000);
});

test("a piece that was changed on the way is asked for again", async (t) => {
  const wire = new Wire();
  await wire.nearFiles.write(meta, content());
  let isSpoiled = false;
  wire.spoil = (bytes) => {
    if (isSpoiled) return bytes;
    isSpoiled = true;
    return bytes.map((byte) => byte ^ 1);
  };
  await wire.send();
  t.deepEqual(wire.ends, ["done"]);
  t.is(wire.offsets.filter((offset) => offset === 0).length, 2);
});

test("a file that is broken at its source is told apart from a broken wire, and nothing of it stays", async (t) => {
  const wire = new Wire();
  await wire.nearFiles.write(meta, content());
  const [name = ""] = await wire.near.list("snap");
  wire.near.flipBit(`snap/${name}`, 5_000 * 8);
  await wire.send();
  t.deepEqual(wire.ends, ["broken"]);
  t.deepEqual(wire.whole, []);
  t.deepEqual(await wire.far.list("snap"), []);
});

test("pieces that are lost or arrive twice do not make a storm: each is asked for again once", async (t) => {
  const wire = new Wire();
  await wire.nearFiles.write(meta, content());
  const lost = new Set([1_000, 6_000]);
  wire.isLost = (offset) => lost.delete(offset);
  wire.copies = 3;
  await wire.send();
  t.deepEqual(wire.ends, ["done"]);
  const pieces = new Set(wire.offsets).size;
  t.true(wire.offsets.length <= pieces + 2 * 4, `${wire.offsets.length} pieces were sent, of ${pieces}`);
});
