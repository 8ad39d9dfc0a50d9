import type { CommandClass } from "./command.ts";
import { queuedCommandsMax, queuedPerObjectCommandsMax } from "./limits.ts";

/**
 * The waiting commands of a leader, by class. Classes share turns 8:4:2:1, so that a flood of users
 * never starves the system, and the system never starves users. Objects have no mailbox of their
 * own while nothing waits for them; a count per object bounds what one key may queue.
 */
export interface Mailbox<T extends Mail> {
  readonly size: number;
  /** False: full, for its class or its object. System and node commands are always taken. */
  push(mail: T): boolean;
  /** Back in front of its class, in order: what was in flight when a term was lost. */
  pushFirst(mail: readonly T[]): void;
  /** The next command, or undefined. `controllers` false skips that class. */
  take(allow: { readonly controllers: boolean }): T | undefined;
  remove(mail: T): boolean;
  waiting(commandClass: CommandClass): number;
  /** Objects with mail, and how much. */
  perObject(): ReadonlyMap<string, number>;
}

export interface Mail {
  readonly class: CommandClass;
  /** `kind/namespace/name`; undefined for work that is about no single object. */
  readonly object: string | undefined;
}

const weights: readonly (readonly [CommandClass, number])[] = [
  ["system", 8],
  ["node", 4],
  ["controller", 2],
  ["user", 1],
];

/** First in, first out, without moving the rest at every take. */
class Fifo<T> {
  private items: T[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  pushFirst(items: readonly T[]): void {
    this.items = [...items, ...this.items.slice(this.head)];
    this.head = 0;
  }

  shift(): T | undefined {
    const item = this.items[this.head];
    if (item === undefined) return undefined;
    this.head += 1;
    if (this.head > 1_024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  remove(item: T): boolean {
    const at = this.items.indexOf(item, this.head);
    if (at < 0) return false;
    this.items.splice(at, 1);
    return true;
  }
}

export function createMailbox<T extends Mail>(): Mailbox<T> {
  const queues: Record<CommandClass, Fifo<T>> = {
    system: new Fifo<T>(),
    node: new Fifo<T>(),
    controller: new Fifo<T>(),
    user: new Fifo<T>(),
  };
  const credits: Record<CommandClass, number> = { system: 8, node: 4, controller: 2, user: 1 };
  const objects = new Map<string, number>();
  let size = 0;

  const count = (mail: T, by: 1 | -1): void => {
    size += by;
    if (mail.object === undefined) return;
    const next = (objects.get(mail.object) ?? 0) + by;
    if (next === 0) objects.delete(mail.object);
    else objects.set(mail.object, next);
  };
  const refill = (): void => {
    for (const [name, weight] of weights) credits[name] = weight;
  };
  /** One pass over the classes; a class without credit waits for the refill. */
  const pass = (controllers: boolean): T | undefined => {
    for (const [name] of weights) {
      if (name === "controller" && !controllers) continue;
      const queue = queues[name];
      if (queue.length === 0 || credits[name] === 0) continue;
      credits[name] -= 1;
      return queue.shift();
    }
    return undefined;
  };
  return {
    get size() {
      return size;
    },
    push(mail) {
      const bounded = mail.class === "user";
      if (bounded) {
        if (queues.user.length >= queuedCommandsMax) return false;
        const own = mail.object === undefined ? 0 : (objects.get(mail.object) ?? 0);
        if (own >= queuedPerObjectCommandsMax) return false;
      }
      queues[mail.class].push(mail);
      count(mail, 1);
      return true;
    },
    pushFirst(mails) {
      for (const [name] of weights) {
        queues[name].pushFirst(mails.filter((mail) => mail.class === name));
      }
      for (const mail of mails) count(mail, 1);
    },
    take({ controllers }) {
      let mail = pass(controllers);
      if (mail === undefined) {
        refill();
        mail = pass(controllers);
      }
      if (mail !== undefined) count(mail, -1);
      return mail;
    },
    remove(mail) {
      const removed = queues[mail.class].remove(mail);
      if (removed) count(mail, -1);
      return removed;
    },
    waiting: (commandClass) => queues[commandClass].length,
    perObject: () => objects,
  };
}
