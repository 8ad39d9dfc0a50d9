/** Who belongs to the masters, as people and joining machines see it, and the changes that they ask for. */
import type { Clock } from "../../env/env.ts";
import { isVoter, membersOf } from "../../raft/core/config.ts";
import { adviceOn } from "../../raft/core/membership.ts";
import type { Config, ConfigChange } from "../../raft/core/types.ts";
import type { Raft } from "../../raft/raft-api.ts";
import { TransientError, UserError } from "../../util/errors.ts";
import { serverLimits } from "../limits.ts";
import { apiOfPeer, type MemberAnswer, type MemberChange, type MembersAnswer } from "./answers.ts";

/** This master does not lead; `api` is where the one that does is asked. */
export class Elsewhere extends Error {
  readonly api: string;

  constructor(api: string) {
    super(`the leader answers at ${api}`);
    this.api = api;
  }
}

export class Members {
  readonly #raft: Raft;
  readonly #clock: Clock;

  constructor(raft: Raft, clock: Clock) {
    this.#raft = raft;
    this.#clock = clock;
  }

  /** Throws `Elsewhere`, or `TransientError` while there is no leader. */
  requireLeader(): void {
    const { role, leader, config } = this.#raft;
    if (role === "leader") return;
    const address = config.directory.find(({ id }) => id === leader)?.address;
    if (leader === undefined || leader === this.#raft.memberId || address === undefined) {
      throw new TransientError("there is no leader at this moment");
    }
    throw new Elsewhere(apiOfPeer(address));
  }

  list(): MembersAnswer {
    const raft = this.#raft;
    const { config, memberId, leader, term } = raft;
    const seen = new Map(raft.members().map((status) => [status.id, status]));
    const newest = Math.max(0, ...[...seen.values()].map(({ match }) => match));
    const members = membersOf(config).map((id): MemberAnswer => {
      const info = config.directory.find((known) => known.id === id);
      const status = seen.get(id);
      const learning = info?.isReader === true ? "reader" : "learner";
      return {
        id,
        role: id === leader ? "leader" : isVoter(config, id) ? "voter" : learning,
        api: info === undefined ? undefined : apiOfPeer(info.address),
        ...(status === undefined
          ? {}
          : { lagEntries: Math.max(0, newest - status.match), silentMs: Math.round(status.silentMs) }),
      };
    });
    return { from: memberId, leader, term, members, removed: config.removed, advice: adviceOn(config) };
  }

  /** `host:port` of every master's API. */
  endpoints(): readonly string[] {
    return this.list().members.flatMap(({ api }) => api ?? []);
  }

  /** A new master at this address begins to learn. Answers its id. */
  async admit(address: string): Promise<{ readonly id: number; readonly advice: string }> {
    this.requireLeader();
    const { config } = this.#raft;
    const present = config.directory.find((info) => info.address === address && membersOf(config).includes(info.id));
    if (present !== undefined) {
      if (isVoter(config, present.id)) {
        throw new UserError("TRP-0407", `member ${present.id} has the address ${address} already`, {
          hint: `if its disk is lost: troupe member remove ${present.id}, then join again`,
        });
      }
      // It asked before, and has not come to anything.
      await this.#change({ type: "remove", ids: [present.id] }, false);
    }
    const id = lowestFree(this.#raft.config);
    await this.#change({ type: "addLearner", id, address, isReader: false }, false);
    return { id, advice: adviceWith(this.#raft.config) };
  }

  async change(change: MemberChange): Promise<void> {
    this.requireLeader();
    switch (change.type) {
      case "promote":
        return this.#change({ type: "promote", ids: [change.id] }, false);
      case "remove":
        return this.#change({ type: "remove", ids: [change.id] }, change.isForced);
      case "replace":
        return this.#change({ type: "replace", remove: change.id, promote: change.by }, false);
      case "transfer":
        return this.#raft.transfer(change.id);
      case "setAddress":
        return this.#change({ type: "setAddress", id: change.id, address: change.address }, false);
    }
  }

  /** The leader promotes learners by itself: a change that meets another one waits for it. */
  async #change(change: ConfigChange, isForced: boolean): Promise<void> {
    const untilMs = this.#clock.mono() + serverLimits.memberChangeMs;
    for (;;) {
      try {
        await this.#raft.changeConfig(change, { isForced });
        return;
      } catch (error) {
        const isBusy = error instanceof UserError && /another change is under way/.test(error.message);
        if (!isBusy || this.#clock.mono() > untilMs) throw error;
        await new Promise<void>((resolve) => void this.#clock.after(pollMs, resolve));
      }
    }
  }
}

const pollMs = 100;

/** Ids that were members once are never given again. */
export function lowestFree(config: Config): number {
  const taken = new Set([...membersOf(config), ...config.removed, ...config.directory.map(({ id }) => id)]);
  let id = 1;
  while (taken.has(id)) id += 1;
  return id;
}

/** What is to be said of the number of voters once all who learn vote. */
function adviceWith(config: Config): string {
  const learning = config.learners.filter((id) => !config.directory.some((info) => info.id === id && info.isReader));
  return adviceOn({ ...config, incoming: [...config.incoming, ...learning] });
}
