import { encodeConfig, isJoint, isVoter, membersOf, votersOf } from "./config.ts";
import { bestSuccessor } from "./progress.ts";
import { appendOwn, broadcastAppend } from "./replication.ts";
import type { Progress, State } from "./state.ts";
import { sendTimeoutNow } from "./transfer.ts";
import type { Turn } from "./turn.ts";
import type { Config, ConfigChange, MemberId, MemberInfo } from "./types.ts";

/**
 * Who belongs, as entries of the log. One change at a time; a change of voters goes through a joint
 * configuration, which the leader (or the next one) leaves as soon as it is committed. New members
 * learn first and are promoted by the leader. An id that was removed is never taken again.
 */
export type Planned = { readonly config: Config; readonly refusal?: undefined } | { readonly refusal: string };

/** The configuration that the change leads to, or why there is none. */
export function planChange(config: Config, change: ConfigChange, learnersMax: number): Planned {
  switch (change.type) {
    case "addLearner":
      return addLearner(config, change, learnersMax);
    case "setAddress": {
      const old = config.directory.find(({ id }) => id === change.id);
      if (!membersOf(config).includes(change.id)) return refuse(`${change.id} is not a member`);
      const info = { id: change.id, address: change.address, isReader: old?.isReader ?? false };
      return { config: { ...config, directory: withInfo(config.directory, info) } };
    }
    case "promote":
      return changeVoters(config, change.ids, []);
    case "remove":
      return changeVoters(config, [], change.ids);
    case "replace":
      // The leader may have promoted it by itself meanwhile.
      return changeVoters(config, isVoter(config, change.promote) ? [] : [change.promote], [change.remove]);
  }
}

function refuse(refusal: string): Planned {
  return { refusal };
}

function addLearner(
  config: Config,
  change: Extract<ConfigChange, { type: "addLearner" }>,
  learnersMax: number,
): Planned {
  const { id, address, isReader } = change;
  if (config.removed.includes(id)) return refuse(`${id} was removed; its id is never used again`);
  if (membersOf(config).includes(id)) return refuse(`${id} is a member already`);
  const learning = config.learners.filter((learner) => !isReaderOf(config, learner));
  if (!isReader && learning.length >= learnersMax) return refuse(`${learning.length} members are learning already`);
  return {
    config: {
      ...config,
      learners: ascending([...config.learners, id]),
      directory: withInfo(config.directory, { id, address, isReader }),
    },
  };
}

function changeVoters(config: Config, promoted: readonly MemberId[], removed: readonly MemberId[]): Planned {
  const voters = votersOf(config);
  const stranger = removed.find((id) => !membersOf(config).includes(id));
  if (stranger !== undefined) return refuse(`${stranger} is not a member`);
  const notLearning = promoted.find((id) => !config.learners.includes(id));
  if (notLearning !== undefined) return refuse(`${notLearning} is not a learner`);
  if (promoted.length + removed.length === 0) return refuse("nothing would change");
  const incoming = ascending([...voters.filter((id) => !removed.includes(id)), ...promoted]);
  if (incoming.length === 0) return refuse("no voter would be left");
  const hasSameVoters = promoted.length === 0 && !removed.some((id) => voters.includes(id));
  return {
    config: {
      incoming,
      outgoing: hasSameVoters ? [] : voters,
      learners: config.learners.filter((id) => !promoted.includes(id) && !removed.includes(id)),
      learnersNext: [],
      autoLeave: !hasSameVoters,
      directory: config.directory.filter(({ id }) => !removed.includes(id) || voters.includes(id)),
      removed: ascending([...config.removed, ...removed]),
    },
  };
}

/** The configuration after a joint one. */
export function leftJoint(config: Config): Config {
  const gone = config.outgoing.filter((id) => !config.incoming.includes(id) && !config.learnersNext.includes(id));
  return {
    ...config,
    outgoing: [],
    learners: ascending([...config.learners, ...config.learnersNext]),
    learnersNext: [],
    autoLeave: false,
    directory: config.directory.filter(({ id }) => !gone.includes(id)),
  };
}

/** What a person should know about a number of voters; empty if all is well. */
export function adviceOn(config: Config): string {
  const { length } = config.incoming;
  if (length % 2 === 1) return "";
  return `${length} voters survive the loss of no more than ${length / 2 - 1}, as ${length - 1} would; an odd number is better`;
}

function isReaderOf(config: Config, id: MemberId): boolean {
  return config.directory.some((info) => info.id === id && info.isReader);
}

function withInfo(directory: readonly MemberInfo[], info: MemberInfo): readonly MemberInfo[] {
  return [...directory.filter(({ id }) => id !== info.id), info].toSorted((a, b) => a.id - b.id);
}

function ascending(ids: readonly MemberId[]): readonly MemberId[] {
  return [...new Set(ids)].toSorted((a, b) => a - b);
}

/** Asked from outside: answered by a `change` effect in this step. */
export function changeConfig(state: State, turn: Turn, change: ConfigChange, isForced: boolean): void {
  const refusal = refusalNow(state);
  const planned = refusal === "" ? planChange(state.configs.current, change, state.settings.learnersMax) : { refusal };
  if (planned.refusal !== undefined) {
    turn.emit({ type: "change", index: 0, refusal: planned.refusal });
    return;
  }
  const missing = isForced ? "" : missingVoters(state, planned.config) || lagging(state, planned.config);
  if (missing !== "") {
    turn.emit({ type: "change", index: 0, refusal: missing });
    return;
  }
  turn.emit({ type: "change", index: proposeConfig(state, turn, planned.config), refusal: "" });
}

/** Why no change can be taken now; empty if one can. */
function refusalNow(state: State): string {
  if (state.role !== "leader") return "this member does not lead";
  if (state.transferTo !== 0) return "the leadership is being handed over";
  if (state.commit < state.termStart) return "the leader is not sure of its log yet";
  if (state.configs.currentIndex > state.commit || isJoint(state.configs.current)) {
    return "another change is under way";
  }
  return "";
}

/** A change after which too few voters would answer is a mistake, unless it is wanted. */
function missingVoters(state: State, config: Config): string {
  if (config.outgoing.length === 0) return "";
  const isHeard = (id: MemberId): boolean =>
    id === state.id ||
    state.now - (state.progress.get(id)?.heardAt ?? Number.NEGATIVE_INFINITY) < 2 * state.settings.electionMinMs;
  const silent = config.incoming.filter((id) => !isHeard(id));
  const heard = config.incoming.length - silent.length;
  if (heard * 2 > config.incoming.length) return "";
  return `of the voters ${config.incoming.join(", ")} too few answer: ${silent.join(", ")} are silent`;
}

/** Who votes before it has the log holds up every write until it does. */
function lagging(state: State, config: Config): string {
  const { settings, commit, progress } = state;
  const isBehind = (id: MemberId): boolean => (progress.get(id)?.match ?? 0) + settings.promoteLagMax < commit;
  const behind = config.incoming.filter((id) => !isVoter(state.configs.current, id) && isBehind(id));
  return behind.length === 0 ? "" : `not caught up: ${behind.join(", ")}`;
}

function proposeConfig(state: State, turn: Turn, config: Config): number {
  const index = appendOwn(state, turn, "config", encodeConfig(config));
  broadcastAppend(state, turn, false);
  return index;
}

/** Called at the end of a step in which the commit index of a leader has moved: what committed configurations ask for. */
export function followConfig(state: State, turn: Turn, committedBefore: number): void {
  const { configs, commit } = state;
  for (const { config } of configs.between(committedBefore, commit)) {
    if (!isJoint(config)) for (const id of config.removed) tellRemoved(state, turn, id);
  }
  const { current } = configs;
  if (configs.currentIndex > commit) return;
  if (isJoint(current)) {
    if (state.commit >= state.termStart) proposeConfig(state, turn, leftJoint(current));
  } else if (!isVoter(current, state.id)) {
    sendTimeoutNow(state, turn, bestSuccessor(state));
  }
}

function tellRemoved(state: State, turn: Turn, id: MemberId): void {
  if (id !== state.id) turn.send(id, { type: "removed", term: state.term });
}

/** Whether a committed entry says that this id is gone. */
export function isRemoved(state: State, id: MemberId): boolean {
  const { configs, commit } = state;
  if (!configs.current.removed.includes(id)) return false;
  const config = configs.at(commit);
  return !isJoint(config) && config.removed.includes(id);
}

/** With each heartbeat: learners that have caught up get the vote, those that are stuck go. */
export function tendLearners(state: State, turn: Turn): void {
  const { configs, settings, now } = state;
  if (configs.current.learners.length === 0) return;
  const ready: MemberId[] = [];
  const stuck: MemberId[] = [];
  for (const id of configs.current.learners) {
    const progress = state.progress.get(id);
    if (progress === undefined || isReaderOf(configs.current, id)) continue;
    noteDistance(state, id, progress);
    if (now - progress.caughtUpSince >= settings.promoteAfterMs) ready.push(id);
    else if (progress.match < state.commit && now - progress.advancedAt >= settings.learnerStuckMs) stuck.push(id);
  }
  if (refusalNow(state) !== "") return;
  const change: ConfigChange | undefined =
    ready.length > 0 ? { type: "promote", ids: ready } : stuck.length > 0 ? { type: "remove", ids: stuck } : undefined;
  if (change === undefined) return;
  const planned = planChange(configs.current, change, settings.learnersMax);
  if (planned.refusal === undefined) proposeConfig(state, turn, planned.config);
}

function noteDistance(state: State, id: MemberId, progress: Progress): void {
  const { settings, now } = state;
  const isHeard = !state.linkDown.has(id) && now - progress.heardAt < settings.electionMinMs;
  const isClose = isHeard && progress.mode === "replicate" && progress.match + settings.promoteLagMax >= state.commit;
  if (!isClose) progress.caughtUpSince = Number.POSITIVE_INFINITY;
  else if (progress.caughtUpSince === Number.POSITIVE_INFINITY) progress.caughtUpSince = now;
}
