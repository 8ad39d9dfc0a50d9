import { UserError } from "../util/errors.ts";
import { isVoter } from "./core/config.ts";
import { otherMembers } from "./core/state.ts";
import type { State } from "./core/state.ts";
import type { MemberStatus } from "./raft-api.ts";

/** The members in words for people: who they are, and why a wish was refused. */
export function membersSeen(state: State): readonly MemberStatus[] {
  const { configs, progress, now, id: self, durable } = state;
  const { current } = configs;
  return [self, ...otherMembers(state)].map((id) => {
    const info = current.directory.find((known) => known.id === id);
    const seen = progress.get(id);
    const learning = info?.isReader === true ? "reader" : "learner";
    const voting = id === self ? "leader" : "voter";
    return {
      id,
      address: info?.address,
      role: isVoter(current, id) ? voting : learning,
      match: id === self ? durable : (seen?.match ?? 0),
      silentMs: id === self ? 0 : now - (seen?.heardAt ?? now),
      mode: seen?.mode ?? "replicate",
    };
  });
}

export function removedError(): UserError {
  return new UserError("TRP-0206", "this member was removed from the cluster", {
    hint: "To bring the machine back, empty its data directory and let it join as a new member.",
  });
}

export function refusedError(refusal: string): UserError {
  return new UserError("TRP-0207", `the members cannot be changed so: ${refusal}`, {
    hint: "Look at the members and their state with: troupe member list",
  });
}
