import { createRng } from "../random.ts";
import type { Rng } from "../../env/env.ts";
import type { MasterClients } from "./clients.ts";
import { Exchange } from "./exchange.ts";
import type { ListBody, ObjectBody } from "./judge.ts";
import { objectsPath, type Version } from "./model.ts";

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: ObjectBody & { readonly code?: number };
}

const patienceMs = 10_000;
const againMs = 50;
const awayMs = 30_000;

/**
 * One client that lists and then watches for ever, at one master after the other, and goes on where
 * it was. Whatever comes must be the next change of the model that its selector lets through.
 */
export class Watcher {
  readonly id: number;
  readonly #clients: MasterClients;
  readonly #rng: Rng;
  /** Only objects of this color; empty: all. */
  readonly #color: string;
  /** Everything up to here was seen; undefined: it has to list. */
  #seenTo: number | undefined;
  #exchange: Exchange | undefined;
  #rest = "";
  /** Of the newest thing that came. */
  #heardAt = 0;

  constructor(clients: MasterClients, id: number) {
    this.#clients = clients;
    this.id = id;
    this.#rng = createRng(clients.world.seed, `watcher ${id}`);
    this.#color = id % 2 === 0 ? "" : "red";
  }

  start(): void {
    this.#again();
  }

  get hasAll(): boolean {
    return this.#seenTo !== undefined && this.#next(this.#seenTo) === undefined;
  }

  get state(): string {
    return `at ${this.#seenTo} of ${this.#clients.model.revision}, ${this.#exchange === undefined ? "not connected" : "connected"}`;
  }

  #again(): void {
    this.#exchange?.leave();
    this.#exchange = undefined;
    const isAway = this.#clients.isOn && this.#rng.below(4) === 0;
    this.#rest = "";
    this.#wait(againMs + this.#rng.below(isAway ? awayMs : againMs));
  }

  /** Some clients are away for so long that the history moves on; none once the load is over. */
  #wait(ms: number): void {
    const stepMs = this.#clients.isOn ? Math.min(ms, 500) : Math.min(ms, againMs);
    this.#clients.world.after(stepMs, () => {
      if (ms > stepMs && this.#clients.isOn) this.#wait(ms - stepMs);
      else this.#begin();
    });
  }

  #begin(): void {
    const member = this.#clients.pick();
    if (member === undefined) return this.#again();
    // A watch from 0 would begin with what is there.
    if (this.#seenTo === undefined || this.#seenTo === 0) return this.#list();
    const selector = this.#color === "" ? "" : `&labelSelector=color%3D${this.#color}`;
    const timeout = 1 + this.#rng.below(this.#rng.below(6) === 0 ? 60 : 6);
    const target = `${objectsPath}?watch=1&allowWatchBookmarks=true&resourceVersion=${this.#seenTo}&timeoutSeconds=${timeout}${selector}`;
    const exchange: Exchange = new Exchange(
      { method: "GET", target },
      {
        answered: (status, text) => this.#refused(status, text),
        piece: (text) => {
          if (this.#exchange === exchange) this.#read(text);
        },
        ended: () => this.#again(),
        lost: () => this.#again(),
      },
    );
    this.#exchange = exchange;
    this.#clients.world.note("watch-resumed", member.id);
    this.#clients.deliver(member, exchange);
    this.#lookAfter(exchange);
  }

  /** A watch that is silent for long is opened elsewhere. */
  #lookAfter(exchange: Exchange): void {
    const { world } = this.#clients;
    this.#heardAt = world.clock.mono();
    const look = (): void => {
      if (this.#exchange !== exchange || exchange.isOver) return;
      if (this.hasAll || world.clock.mono() - this.#heardAt < patienceMs) world.after(patienceMs, look);
      else this.#again();
    };
    world.after(patienceMs, look);
  }

  #list(): void {
    const member = this.#clients.pick();
    if (member === undefined) return this.#again();
    const { floor } = this.#clients.judge;
    const selector = this.#color === "" ? "" : `?labelSelector=color%3D${this.#color}`;
    this.#clients.send(
      member,
      { method: "GET", target: `${objectsPath}${selector}` },
      {
        answered: (status, text) => {
          if (status < 300) {
            const list = JSON.parse(text) as ListBody;
            this.#clients.judge.listed({ verb: "list", limit: 0, color: this.#color, isCached: false }, floor, list);
            this.#seenTo = Number(list.metadata.resourceVersion);
          }
          this.#again();
        },
        lost: () => this.#again(),
      },
    );
  }

  #refused(status: number, text: string): void {
    if (status === 410) this.#expired();
    else if (status < 429 || status === 500) this.#fail(`is refused: ${status} ${text}`);
    this.#again();
  }

  #expired(): void {
    this.#clients.world.note("watch-expired");
    this.#clients.judge.expired(this.#seenTo ?? 0);
    this.#seenTo = undefined;
  }

  #read(text: string): void {
    this.#heardAt = this.#clients.world.clock.mono();
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = JSON.parse(line) as WatchEvent;
      if (event.type === "ERROR") {
        if (event.object.code === 410) this.#expired();
        else if (event.object.code === 500) this.#fail(`is told ${line}`);
        return this.#again();
      }
      this.#saw(event);
    }
  }

  #saw({ type, object }: WatchEvent): void {
    const { model, world } = this.#clients;
    const from = this.#seenTo ?? 0;
    const revision = Number(object.metadata.resourceVersion);
    const next = this.#next(from);
    world.mix(revision);
    this.#seenTo = Math.max(from, revision);
    if (revision > model.revision) return this.#fail(`hears of ${revision}, and ${model.revision} is the newest`);
    if (type === "BOOKMARK") {
      world.note("bookmark");
      if (next !== undefined && next.revision <= revision) {
        this.#fail(`gets a bookmark at ${revision} without the change at ${next.revision}`);
      }
      return;
    }
    const expected = next === undefined ? "nothing" : shownChange(next, this.#typeOf(next));
    const value = object.data?.v ?? "";
    const { name, uid } = object.metadata;
    const seen = `${type} ${name}@${revision} ${uid} ${value}`;
    if (seen !== expected) this.#fail(`from ${from} hears ${seen}, and the next change is ${expected}`);
  }

  /** The next change that the selector lets through. */
  #next(after: number): Version | undefined {
    const { model } = this.#clients;
    for (let place = model.placeAfter(after); place < model.events.length; place += 1) {
      const version = model.events[place] as Version;
      if (this.#typeOf(version) !== undefined) return version;
    }
    return undefined;
  }

  #typeOf(version: Version): WatchEvent["type"] | undefined {
    const { previous, isGone } = version;
    const was = previous !== undefined && this.#selects(previous);
    const is = !isGone && this.#selects(version);
    if (is) return was ? "MODIFIED" : "ADDED";
    return was ? "DELETED" : undefined;
  }

  #selects({ color }: Version): boolean {
    return this.#color === "" || color === this.#color;
  }

  #fail(what: string): void {
    this.#clients.world.checker.fail(`watcher ${this.id} ${what}`);
  }
}

/** What leaves a selection is told by its last state in it. */
function shownChange(version: Version, type: WatchEvent["type"] | undefined): string {
  const { name, revision, uid, previous, isGone } = version;
  const value = type === "DELETED" && !isGone ? (previous?.value ?? "") : version.value;
  return `${type} ${name}@${revision} ${uid} ${value}`;
}
