import type { Controller } from "../../actors/runtime/controller.ts";
import type { Rng } from "../../env/env.ts";
import type { SimMember } from "../cluster/member.ts";
import type { Process, ProcessStart, Workload } from "../cluster/process.ts";
import type { World } from "../cluster/world.ts";
import { createRng } from "../random.ts";
import { Exchange, type ExchangeEvents, type ExchangeRequest } from "./exchange.ts";
import { Judge, type ListBody, type ObjectBody, type Operation } from "./judge.ts";
import { Master } from "./master.ts";
import { Model, objectsPath } from "./model.ts";
import { Watcher } from "./watcher.ts";

const patienceMinMs = 2_000;
const patienceSpreadMs = 15_000;
const openMax = 500;
/** Operations that are begun at least, whatever is down. */
const perSecond = 21;
const namesCount = 10;
const watchersCount = 4;

/** What a client has last seen of an object. */
interface Seen {
  readonly revision: number;
  readonly uid: string;
}

/**
 * Clients of the API: each operation goes to any master, may be given up, and its answer is judged
 * against the log. Some wait for one answer before the next question, most do not.
 */
export class MasterClients implements Workload {
  readonly world: World;
  readonly model: Model;
  readonly judge: Judge;
  readonly #controllers: () => readonly Controller[];
  readonly #rng: Rng;
  readonly #watchers: readonly Watcher[];
  readonly #seen: Map<string, Seen> = new Map();
  #probes: Map<number, "asked" | "answered"> | undefined;
  #lastValue = 0;
  #open = 0;
  isOn = false;
  attempted = 0;

  constructor(world: World, controllers: () => readonly Controller[]) {
    this.world = world;
    this.#controllers = controllers;
    this.#rng = createRng(world.seed, "clients");
    const fail = (what: string): void => world.checker.fail(what);
    this.model = new Model(fail);
    this.judge = new Judge(this.model, fail);
    world.checker.onNew = (entry) => this.model.apply(entry);
    this.#watchers = Array.from({ length: watchersCount }, (_, at) => new Watcher(this, at));
  }

  get acknowledged(): number {
    return this.judge.acknowledged;
  }

  get reads(): number {
    return this.judge.reads;
  }

  newProcess(start: ProcessStart): Process {
    return new Master(start, this.#controllers());
  }

  start(): void {
    this.isOn = true;
    this.#turn();
    for (const watcher of this.#watchers) watcher.start();
  }

  stop(): void {
    this.isOn = false;
  }

  /** Every watcher has seen everything, and every master that is a member takes a write. */
  unfinished(): string {
    if (this.#open > 0) return `${this.#open} requests are not answered`;
    this.#probes ??= this.#probe();
    for (const [id, state] of this.#probes) if (state === "asked") return `member ${id} does not answer a write`;
    for (const watcher of this.#watchers)
      if (!watcher.hasAll) return `watcher ${watcher.id} is behind: ${watcher.state}`;
    return "";
  }

  #probe(): Map<number, "asked" | "answered"> {
    const probes = new Map<number, "asked" | "answered">();
    for (const member of this.world.living) {
      if (member.process === undefined || !this.#belongs(member.id)) continue;
      const attempt = (): void => {
        this.#lastValue += 1;
        const operation = { verb: "create", name: "", value: `v${this.#lastValue}` } as const;
        this.ask(member, operation, (status) => {
          if (status < 300) probes.set(member.id, "answered");
          else this.world.after(100, attempt);
        });
      };
      probes.set(member.id, "asked");
      attempt();
    }
    return probes;
  }

  #turn(): void {
    if (!this.isOn) return;
    const { clock } = this.world;
    const rng = this.#rng;
    this.world.after(5 + rng.below(300), () => this.#turn());
    // What was missed while nobody could be asked is made up for.
    const owed = Math.min(8, Math.ceil((clock.mono() * perSecond) / 1_000) - this.attempted);
    const count = Math.max(1 + rng.below(6), owed);
    const one = rng.below(2) === 0 ? this.pick() : undefined;
    for (let n = 0; n < count && this.#open < openMax; n += 1) this.#operate(one ?? this.pick());
  }

  #operate(member: SimMember | undefined): void {
    if (member === undefined) return;
    this.attempted += 1;
    this.ask(member, this.#draw());
  }

  /**
   * A process that takes connections. At last it must be a member: one that was refused, or whose addition was lost
   * with its leader, answers nobody.
   */
  pick(): SimMember | undefined {
    const up = this.world.members.filter(
      ({ id, process }) => process !== undefined && (this.isOn || this.#belongs(id)),
    );
    return up.length === 0 ? undefined : up[this.#rng.below(up.length)];
  }

  #belongs(id: number): boolean {
    const config = this.world.leader?.raft?.config;
    return config === undefined || [...config.incoming, ...config.outgoing, ...config.learners].includes(id);
  }

  #draw(): Operation {
    const rng = this.#rng;
    const name = this.#name();
    const seen = this.#seen.get(name);
    const kind = rng.below(100);
    this.#lastValue += 1;
    const value = `v${this.#lastValue}${rng.below(24) === 0 ? "-".repeat(1_200) : ""}`;
    if (kind < 58) return { verb: "get", name };
    if (kind < 71) {
      const isCached = rng.below(4) === 0;
      const limit = rng.below(3) === 0 ? 1 + rng.below(4) : 0;
      return { verb: "list", limit: isCached ? 0 : limit, color: rng.below(3) === 0 ? "red" : "", isCached };
    }
    if (kind < 80) return { verb: "create", name: rng.below(4) === 0 ? "" : name, value };
    if (kind < 90) return { verb: "replace", name, value, revision: rng.below(4) === 0 ? undefined : seen?.revision };
    if (kind < 96) return { verb: "merge", name, value, revision: undefined };
    const how = rng.below(3);
    return {
      verb: "delete",
      name,
      revision: how === 1 ? seen?.revision : undefined,
      uid: how === 2 ? seen?.uid : undefined,
    };
  }

  #name(): string {
    const { names } = this.model;
    const made = names.length > namesCount && this.#rng.below(2) === 0;
    return made ? (names[this.#rng.below(names.length)] as string) : `k${this.#rng.below(namesCount)}`;
  }

  /** Asks; `then` is told the status of the answer, 0 where there is none. */
  ask(member: SimMember, operation: Operation, then: (status: number) => void = () => undefined): void {
    const { floor } = this.judge;
    const answered = (status: number, body: unknown): void => {
      this.judge.answered(operation, floor, { status, body });
      if (status < 300 && operation.verb !== "list" && operation.verb !== "delete") this.#see(body as ObjectBody);
      this.#count(operation, status);
      then(status);
    };
    if (operation.verb === "list") return this.#list(member, operation, floor, then);
    this.send(member, requestOf(operation, this.#rng.below(2) === 0), {
      answered: (status, text) => answered(status, JSON.parse(text)),
      lost: () => {
        this.world.note("answer-lost");
        this.judge.unknown += 1;
        then(0);
      },
    });
  }

  #count({ verb }: Operation, status: number): void {
    this.world.mix(status * 31 + verb.length);
    if (status >= 400)
      this.world.counts.set(`${verb}-${status}`, (this.world.counts.get(`${verb}-${status}`) ?? 0) + 1);
  }

  #see({ kind, metadata: { name, uid, resourceVersion } }: ObjectBody): void {
    if (kind !== "Status") this.#seen.set(name, { revision: Number(resourceVersion), uid });
  }

  /** Page by page, each perhaps from another master. */
  #list(
    member: SimMember,
    operation: Extract<Operation, { verb: "list" }>,
    floor: number,
    then: (status: number) => void,
  ): void {
    const { limit, color, isCached } = operation;
    const items: ObjectBody[] = [];
    const page = (at: SimMember, token: string): void => {
      const query = [
        ...(limit > 0 ? [`limit=${limit}`] : []),
        ...(color === "" ? [] : [`labelSelector=color%3D${color}`]),
        ...(isCached ? ["resourceVersion=0"] : []),
        ...(token === "" ? [] : [`continue=${encodeURIComponent(token)}`]),
      ];
      this.send(
        at,
        { method: "GET", target: `${objectsPath}?${query.join("&")}` },
        {
          answered: (status, text) => {
            const list = JSON.parse(text) as ListBody;
            this.#count(operation, status);
            if (status < 300) items.push(...list.items);
            const next = status < 300 ? (list.metadata.continue ?? "") : "";
            if (next !== "") return page(this.pick() ?? at, next);
            if (status < 300) this.judge.listed(operation, floor, { ...list, items });
            else if (status === 410 && token !== "") this.judge.expired(revisionOf(token));
            else this.judge.answered(operation, floor, { status, body: list });
            then(status);
          },
          lost: () => then(0),
        },
      );
    };
    page(member, "");
  }

  /** A client gives up after a while: what it asked for may still happen. */
  send(member: SimMember, request: ExchangeRequest, events: ExchangeEvents): Exchange {
    this.#open += 1;
    const over = (): void => {
      this.#open -= 1;
      patience.cancel();
    };
    const exchange: Exchange = new Exchange(request, {
      ...events,
      answered: (status, text) => {
        over();
        events.answered(status, text);
      },
      lost: () => {
        over();
        events.lost();
      },
    });
    const patience = this.world.after(patienceMinMs + this.#rng.below(patienceSpreadMs), () => exchange.breakOff());
    this.deliver(member, exchange);
    return exchange;
  }

  /** To the process of now, once it is not stopped. */
  deliver(member: SimMember, exchange: Exchange): void {
    const { process } = member;
    member.run(() => {
      if (process instanceof Master && member.process === process) process.serve(exchange);
      else exchange.breakOff();
    });
  }
}

function requestOf(operation: Exclude<Operation, { verb: "list" }>, isRed: boolean): ExchangeRequest {
  const { verb, name } = operation;
  const target = `${objectsPath}/${name}`;
  if (verb === "get") return { method: "GET", target };
  if (verb === "delete") {
    const { uid, revision } = operation;
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(revision === undefined ? {} : { resourceVersion: String(revision) }),
    };
    return { method: "DELETE", target, body: { kind: "DeleteOptions", apiVersion: "v1", preconditions } };
  }
  const data = { v: operation.value };
  const labels = { color: isRed ? "red" : "blue" };
  if (verb === "merge") {
    const contentType = "application/merge-patch+json";
    return { method: "PATCH", target, contentType, body: { metadata: { labels }, data } };
  }
  const revision = "revision" in operation ? operation.revision : undefined;
  const metadata = {
    ...(name === "" ? { generateName: "g-" } : { name }),
    labels,
    ...(revision === undefined ? {} : { resourceVersion: String(revision) }),
  };
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
  return verb === "create" ? { method: "POST", target: objectsPath, body } : { method: "PUT", target, body };
}

/** A token is opaque to clients; the judge looks into it. */
function revisionOf(token: string): number {
  const { rv } = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as { readonly rv: number };
  return rv;
}
