import { quorumValue } from "./config.ts";
import { broadcastHeartbeat } from "./reads.ts";
import { toProbe } from "./progress.ts";
import { sendAppends } from "./replication.ts";
import { resetElectionTimer } from "./state.ts";
import type { State } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { MemberId, Message } from "./types.ts";

/**
 * A member whose log lost what it had acknowledged. It gives no votes, so every leader was chosen
 * by others, who hold what it lost. It asks the leader; the leader forgets what it believed of that
 * log, sends it again, and makes sure with a round of the others that it still leads. Once the
 * member holds all that was in the leader's log when it asked, it is a member like any other.
 * Acknowledgements of an earlier life must not arrive after the question: a transport drops the old
 * connections of a peer before it hands over the first message of a new one.
 */
export function askForRepair(state: State, turn: Turn, leader: MemberId): void {
  if (!state.isDamaged) return;
  const { term, repairNonce: nonce } = state;
  turn.sendDurably(leader, { type: "repair", term, nonce, lastIndex: state.log.lastIndex });
}

/** The leader knows more of our log than there is: only a tail that was cut in doubt explains it. */
export function noteDamage(state: State, turn: Turn): void {
  state.isDamaged = true;
  resetElectionTimer(state);
  turn.emit({ type: "damage", isDamaged: true });
}

export function onRepair(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "repair" }>,
): void {
  const progress = state.progress.get(from);
  if (progress === undefined) return;
  if (progress.repair?.nonce !== message.nonce) {
    progress.match = 0;
    toProbe(progress);
    progress.next = Math.min(message.lastIndex, state.log.lastIndex) + 1;
    state.readRound += 1;
    progress.repair = { nonce: message.nonce, upTo: state.log.lastIndex, round: state.readRound };
    broadcastHeartbeat(state, turn);
    sendAppends(state, turn, from, true);
  }
  sayRepaired(state, turn, from);
}

function sayRepaired(state: State, turn: Turn, to: MemberId): void {
  const progress = state.progress.get(to);
  const repair = progress?.repair;
  if (progress === undefined || repair === undefined || state.commit < state.termStart) return;
  const confirmed = quorumValue(state.configs.current, (id) =>
    id === to ? 0 : id === state.id ? state.readRound : (state.progress.get(id)?.readRound ?? 0),
  );
  if (confirmed < repair.round || progress.match < repair.upTo) return;
  const { nonce, upTo } = repair;
  turn.send(to, { type: "repaired", term: state.term, nonce, upTo });
}

export function onRepaired(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "repaired" }>,
): void {
  if (!state.isDamaged || from !== state.leader) return;
  if (message.nonce !== state.repairNonce || state.durable < message.upTo) return;
  state.isDamaged = false;
  resetElectionTimer(state);
  turn.emit({ type: "damage", isDamaged: false });
}
