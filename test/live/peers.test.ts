import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { createIssuer } from "../../src/auth/certificates.ts";
import { peerUri } from "../../src/raft/peer-transport.ts";
import { until } from "./support/machine.ts";
import { freePort } from "./support/ports.ts";
import type { MemberSpec } from "./support/raft-member.ts";

/**
 * Three logs as processes over mutual TLS on the loopback, each writing as fast as it may while it
 * leads; the leader is killed again and again. What was acknowledged is there in the end, on all.
 */
const kills = 6;
const patienceMs = 90_000;
const ids = [1, 2, 3] as const;
const script = join(import.meta.dirname, "support", "raft-member.js");

class Member {
  readonly #spec: MemberSpec;
  readonly #onLine: (id: number, line: string) => void;
  #child: ChildProcess | undefined;

  constructor(spec: MemberSpec, onLine: (id: number, line: string) => void) {
    this.#spec = spec;
    this.#onLine = onLine;
  }

  start(): void {
    const child = spawn(process.execPath, [script, JSON.stringify(this.#spec)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    let rest = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#onLine(this.#spec.id, line);
    });
  }

  ask(line: string): void {
    this.#child?.stdin?.write(`${line}\n`);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

test.serial("the leader dies again and again: another one writes soon, and nothing acknowledged is lost", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "troupe-peers-"));
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  const authority = await issuer.authority("peers");
  const ports = Object.fromEntries(await Promise.all(ids.map(async (id) => [id, await freePort()] as const)));
  const acknowledged: { readonly word: string; readonly by: number; readonly at: number }[] = [];
  /** Who follows someone, in its present life. */
  const following = new Set<number>();
  const dumps = new Map<number, string[]>();
  const onLine = (id: number, line: string): void => {
    const [verb = "", rest = ""] = line.split(" ");
    if (verb === "ack") acknowledged.push({ word: rest, by: id, at: performance.now() });
    if (verb === "start") following.delete(id);
    if (line.startsWith("role follower")) following.add(id);
    if (verb === "dump") dumps.set(id, rest.split(","));
  };
  const members = new Map<number, Member>();
  t.teardown(async () => {
    for (const member of members.values()) await member.kill();
    await rm(folder, { recursive: true, force: true });
  });
  for (const id of ids) {
    const uris = [peerUri("live", id)];
    const leaf = await issuer.leaf(authority, { commonName: `${id}`, usage: "peer", uris, validMs: 3_600_000 });
    await mkdir(join(folder, `${id}`));
    const own = { folder: join(folder, `${id}`), id, certificate: leaf.certificate, key: leaf.key };
    const spec = { ...own, clusterId: "live", voters: ids, ports, authority: authority.certificate };
    members.set(id, new Member(spec, onLine));
    members.get(id)?.start();
  }
  const ackAfter = async (at: number, not: number): Promise<{ readonly by: number; readonly at: number }> => {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const found = acknowledged.findLast((ack) => ack.at > at && ack.by !== not);
      if (found !== undefined) return acknowledged.find((ack) => ack.at > at && ack.by !== not) ?? found;
      if (performance.now() > deadline) throw new Error("no one acknowledges any more");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  let leader = await ackAfter(0, 0);
  const gaps: number[] = [];
  for (let n = 0; n < kills; n += 1) {
    await ackAfter(performance.now() + 300, 0);
    const killedAt = performance.now();
    await members.get(leader.by)?.kill();
    const next = await ackAfter(killedAt, leader.by);
    gaps.push(Math.round(next.at - killedAt));
    following.delete(leader.by);
    members.get(leader.by)?.start();
    const back = leader.by;
    await until("only one is away at a time", async () => following.has(back));
    leader = next;
  }
  t.log(`gaps in ms: ${gaps.join(" ")}; ${acknowledged.length} acknowledged`);
  leader = await ackAfter(performance.now() + 500, 0);
  const askedMs = performance.now();
  await until("it hands over", async () => {
    // Refused as long as nobody else has all of the log.
    members.get(leader.by)?.ask("transfer");
    return acknowledged.some(({ at, by }) => at > askedMs && by !== leader.by);
  });
  const last = acknowledged.at(-1)?.word as string;
  await until("all hold the last word", async () => {
    for (const member of members.values()) member.ask("dump");
    return ids.every((id) => dumps.get(id)?.includes(last) === true);
  });
  for (const id of ids) {
    const held = new Set(dumps.get(id));
    const lost = acknowledged
      .slice(
        0,
        acknowledged.findIndex(({ word }) => word === last),
      )
      .filter(({ word }) => !held.has(word));
    t.deepEqual(lost, [], `member ${id}`);
  }
});
