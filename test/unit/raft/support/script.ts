import type { Config, ConfigChange, Effect, Entry, Message } from "../../../../src/raft/core/types.ts";
import { Cluster, Member } from "./cluster.ts";
import type { Packet } from "./cluster.ts";

/**
 * Runs the command language of test/golden/raft: each command changes a small cluster in memory and
 * prints what the members decided. `3@2` is entry 3 of term 2.
 */
export class Script {
  #cluster = new Cluster([1]);
  #lines: string[] = [];
  #cut: Set<string> = new Set();

  run(command: string): string {
    this.#lines = [];
    const [verb = "", ...args] = command.trim().split(/\s+/);
    this.#do(verb, args);
    return this.#lines.join("\n") || "ok";
  }

  #do(verb: string, args: readonly string[]): void {
    const id = Number(args[0]);
    switch (verb) {
      case "members":
        return this.#members(args);
      case "log":
        return this.#preset(id, args.slice(1));
      case "tick":
        return this.#tick(Number(args[0]), args.slice(1).map(Number));
      case "campaign":
        return this.#print(id, this.#cluster.input(id, { type: "campaign" }));
      case "propose": {
        const payloads = args.slice(1).map((text) => new TextEncoder().encode(text));
        return this.#print(id, this.#cluster.input(id, { type: "propose", payloads, kind: "normal" }));
      }
      case "transfer":
        return this.#print(id, this.#cluster.input(id, { type: "transfer", to: Number(args[1] ?? 0) }));
      case "change":
        return this.#change(id, args.slice(1));
      case "read":
        return this.#print(id, this.#cluster.input(id, { type: "readIndex", id: Number(args[1]) }));
      case "link": {
        const input = { type: "link", peer: Number(args[1]), isUp: args[2] === "up" } as const;
        return this.#print(id, this.#cluster.input(id, input));
      }
      case "ready":
        return this.#print(id, this.#cluster.input(id, { type: "ready", isReady: args[1] === "yes" }));
      case "persist":
        return this.#persist(id, args[1] === undefined ? undefined : Number(args[1]));
      case "deliver":
        return this.#each(args, (packet) => this.#hand(packet));
      case "drop":
        return this.#each(args, (packet) => this.#lines.push(`dropped ${show(packet)}`));
      case "cut":
        for (const arrow of args) this.#cut.add(arrow);
        return;
      case "heal":
        this.#cut.clear();
        return;
      case "stabilize":
        return this.#stabilize(args.map(Number));
      case "lose": {
        // Its disk loses all from this entry on, and it knows; what it had cut off there before is back.
        const member = this.#cluster.member(id);
        const kept = member.disk.filter(({ index }) => index < Number(args[1]));
        member.disk = [...kept, ...args.slice(2).map(entryOf)];
        member.crash(this.#cluster.now, true);
        return;
      }
      case "crash":
        this.#cluster.member(id).crash(this.#cluster.now);
        return;
      case "network":
        for (const packet of this.#cluster.network) this.#lines.push(show(packet));
        return;
      case "state":
        return this.#states(args.map(Number));
      default:
        throw new Error(`unknown command ${verb}`);
    }
  }

  #members(args: readonly string[]): void {
    const options = new Map(args.filter((arg) => arg.includes("=")).map((arg) => arg.split("=") as [string, string]));
    const ids = args.filter((arg) => !arg.includes("=")).map(Number);
    const learners = options.get("learners")?.split(",").map(Number) ?? [];
    const inflight = options.get("inflight");
    const settings = inflight === undefined ? {} : { inflightMessagesMax: Number(inflight), appendBytesMax: 1 };
    this.#cluster = new Cluster(ids, { learners, settings });
    this.#cut.clear();
  }

  /** `log 2 1@1 2@1 term=3 vote=1`: what the member's disk holds as it wakes. */
  #preset(id: number, args: readonly string[]): void {
    const old = this.#cluster.member(id);
    const entries = args.filter((arg) => arg.includes("@")).map(entryOf);
    const number = (name: string): number | undefined => {
      const found = args.find((arg) => arg.startsWith(`${name}=`));
      return found === undefined ? undefined : Number(found.slice(name.length + 1));
    };
    const term = number("term") ?? entries.at(-1)?.term ?? 0;
    const hardState = { term, votedFor: number("vote") ?? 0 };
    this.#cluster.members.set(id, new Member(id, old.config, old.settings, entries, hardState));
  }

  /** `change 1 learn 4`, `promote 4`, `remove 2 3`, `replace 2 4`, `address 2`; `force` last. */
  #change(id: number, args: readonly string[]): void {
    const [verb = "", ...rest] = args.filter((arg) => arg !== "force");
    const ids = rest.map(Number);
    const [first = 0, second = 0] = ids;
    const address = `m${first}:6445`;
    const changes: Record<string, ConfigChange> = {
      learn: { type: "addLearner", id: first, address, isReader: false },
      reader: { type: "addLearner", id: first, address, isReader: true },
      address: { type: "setAddress", id: first, address },
      promote: { type: "promote", ids },
      remove: { type: "remove", ids },
      replace: { type: "replace", remove: first, promote: second },
    };
    const change = changes[verb];
    if (change === undefined) throw new Error(`unknown change ${verb}`);
    this.#cluster.add(first);
    this.#print(id, this.#cluster.input(id, { type: "changeConfig", change, isForced: args.includes("force") }));
  }

  #tick(ms: number, ids: readonly number[]): void {
    this.#cluster.now += ms;
    const now = this.#cluster.now;
    for (const id of ids.length > 0 ? ids : this.#cluster.members.keys()) {
      this.#print(id, this.#cluster.input(id, { type: "tick", now }));
    }
  }

  #persist(id: number, count: number | undefined): void {
    this.#cluster.trace = (member, effect) => this.#line(member, effect);
    this.#cluster.persist(id, count);
    this.#cluster.trace = () => undefined;
  }

  #hand(packet: Packet): void {
    this.#lines.push(show(packet));
    const { from, message } = packet;
    this.#print(packet.to, this.#cluster.input(packet.to, { type: "message", from, message }));
  }

  /** `1->2`, `append`, `count=1`: which packets; in order of sending. */
  #each(args: readonly string[], run: (packet: Packet) => void): void {
    const limit = Number(args.find((arg) => arg.startsWith("count="))?.slice(6) ?? Number.POSITIVE_INFINITY);
    const filters = args.filter((arg) => !arg.startsWith("count="));
    const fits = (packet: Packet): boolean =>
      filters.every((filter) =>
        filter.includes("->") ? filter === `${packet.from}->${packet.to}` : filter === packet.message.type,
      );
    const chosen = this.#cluster.network.filter(fits).slice(0, limit);
    this.#cluster.network = this.#cluster.network.filter((packet) => !chosen.includes(packet));
    for (const packet of chosen) run(packet);
  }

  /** Disks and network do all there is to do; packets of a cut direction are lost. */
  #stabilize(only: readonly number[]): void {
    const takesPart = (id: number): boolean => only.length === 0 || only.includes(id);
    for (let round = 0; round < 1_000; round += 1) {
      let hasMoved = false;
      for (const id of this.#cluster.members.keys()) {
        if (!takesPart(id) || this.#cluster.member(id).writing.length === 0) continue;
        this.#lines.push(`${id} disk done`);
        this.#persist(id, undefined);
        hasMoved = true;
      }
      const packets = this.#cluster.network;
      this.#cluster.network = [];
      for (const packet of packets) {
        hasMoved = true;
        const isCut = this.#cut.has(`${packet.from}->${packet.to}`);
        if (isCut || !takesPart(packet.to)) this.#lines.push(`lost ${show(packet)}`);
        else this.#hand(packet);
      }
      if (!hasMoved) return;
    }
    throw new Error("the cluster does not come to rest");
  }

  #states(ids: readonly number[]): void {
    for (const id of ids.length > 0 ? ids : this.#cluster.members.keys()) {
      const { state, disk } = this.#cluster.member(id);
      const { role, phase, term, votedFor, leader, commit, durable } = state;
      const entries = state.log.slice(1, state.log.lastIndex);
      this.#lines.push(
        `${id} ${role}${phase === "none" ? "" : `/${phase}`} term=${term} vote=${votedFor} leader=${leader} ` +
          `commit=${commit} durable=${durable} log=[${shape(entries)}] disk=[${shape(disk)}]`,
      );
      for (const [peer, progress] of state.progress) {
        const { mode, match, next, isPaused, inflight, inflightBytes } = progress;
        this.#lines.push(
          `  to ${peer}: ${mode}${isPaused ? " paused" : ""} match=${match} next=${next} ` +
            `inflight=${inflight.length} bytes=${inflightBytes}`,
        );
      }
    }
  }

  #print(id: number, effects: readonly Effect[]): void {
    for (const effect of effects) this.#line(id, effect);
  }

  #line(id: number, effect: Effect): void {
    this.#lines.push(`  ${id}: ${showEffect(effect)}`);
  }
}

function shape(entries: readonly Entry[]): string {
  return entries.map(({ index, term }) => `${index}@${term}`).join(" ");
}

function showEffect(effect: Effect): string {
  switch (effect.type) {
    case "persist": {
      const { seq, hardState, truncateFrom, entries } = effect.persist;
      const cut = truncateFrom > 0 ? ` cut=${truncateFrom}` : "";
      return `persist #${seq} term=${hardState.term} vote=${hardState.votedFor}${cut} [${shape(entries)}]`;
    }
    case "send":
      return `send to ${effect.to} ${showMessage(effect.message)}${effect.afterSeq > 0 ? ` after #${effect.afterSeq}` : ""}`;
    case "commit":
      return `commit ${effect.upTo}`;
    case "readReady":
      return `read ${effect.id} ready at ${effect.index}`;
    case "readDropped":
      return `read ${effect.id} dropped`;
    case "role":
      return `${effect.role} term=${effect.term} leader=${effect.leader}`;
    case "reject":
      return `reject ${effect.why} leader=${effect.leader}`;
    case "sendSnapshot":
      return `snapshot to ${effect.to}`;
    case "restore":
      return `restore ${effect.index}`;
    case "config":
      return `config@${effect.index} ${showConfig(effect.config)}`;
    case "change":
      return effect.refusal === "" ? `change at ${effect.index}` : `change refused: ${effect.refusal}`;
    case "transferFailed":
      return `transfer to ${effect.to} failed: ${effect.why}`;
    case "removed":
      return "removed";
    case "damage":
      return effect.isDamaged ? "damaged" : "repaired";
    case "fatal":
      return `fatal: ${effect.why}`;
  }
}

function entryOf(text: string): Entry {
  const [index, term] = text.split("@").map(Number) as [number, number];
  return { index, term, kind: "normal", payload: new TextEncoder().encode(`p${text}`) };
}

function show({ from, to, message }: Packet): string {
  return `${from}->${to} ${showMessage(message)}`;
}

function showMessage(message: Message): string {
  const { type, ...rest } = message;
  const fields = Object.entries(rest).map(([name, value]) =>
    Array.isArray(value) ? `[${shape(value as Entry[])}]` : `${name}=${String(value)}`,
  );
  return `${type} ${fields.join(" ")}`;
}

/** `1,2,3` of voters, `(1,2)` those that go, `+4` learners, `-5` removed. */
function showConfig(config: Config): string {
  const { incoming, outgoing, learners, removed } = config;
  const going = outgoing.length > 0 ? ` (${outgoing.join(",")})` : "";
  const learning = learners.map((id) => ` +${id}`).join("");
  return `${incoming.join(",")}${going}${learning}${removed.map((id) => ` -${id}`).join("")}`;
}

/** The same file with every answer computed again. Lines that start with `#` are comments. */
export function replay(text: string): string {
  const script = new Script();
  const blocks = text.trimEnd().split(/\n\n+/);
  const answered = blocks.map((block) => {
    const lines = block.split("\n");
    const end = lines.indexOf("----");
    const head = end < 0 ? lines : lines.slice(0, end);
    const commands = head.filter((line) => !line.startsWith("#"));
    if (commands.length === 0) return head.join("\n");
    const answers = commands.map((command) => script.run(command));
    return [...head, "----", ...answers].join("\n");
  });
  return `${answered.join("\n\n")}\n`;
}
