import { decodeConfig, isJoint, isVoter } from "./config.ts";
import { otherMembers, resetElectionTimer } from "./state.ts";
import type { State } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { Entry } from "./types.ts";

/** What happens to a log wherever it happens: entries come, are cut off, are committed. */

/** Every entry of this member's log passes here; a configuration holds from now on. */
export function appendEntry(state: State, turn: Turn, entry: Entry): void {
  turn.append(entry);
  if (entry.kind !== "config") return;
  state.configs.push({ index: entry.index, config: decodeConfig(entry.payload) });
  takeConfig(state, turn);
}

export function truncateFrom(state: State, turn: Turn, index: number): void {
  const before = state.configs.currentIndex;
  turn.truncateFrom(index);
  if (state.configs.currentIndex !== before) takeConfig(state, turn);
}

/** Another configuration holds: who we are in it may have changed, and whom we tend. */
export function takeConfig(state: State, turn: Turn): void {
  const { configs, id } = state;
  turn.emit({ type: "config", config: configs.current, index: configs.currentIndex });
  if (state.role === "leader") {
    const members = otherMembers(state);
    for (const known of state.progress.keys()) if (!members.includes(known)) state.progress.delete(known);
    return;
  }
  const role = isVoter(configs.current, id) ? "follower" : "learner";
  if (state.role === role || (state.role === "candidate" && role === "follower")) return;
  state.role = role;
  state.phase = "none";
  resetElectionTimer(state);
  turn.noteRole();
}

export function commitTo(state: State, turn: Turn, index: number): void {
  if (index <= state.commit) return;
  const before = state.commit;
  state.commit = index;
  turn.emit({ type: "commit", upTo: index });
  for (const { config } of state.configs.between(before, index)) {
    const isGone = !isJoint(config) && config.removed.includes(state.id);
    if (isGone) turn.emit({ type: "removed" });
  }
}
