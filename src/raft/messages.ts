import type { CallMessage, PeerMessage } from "./transport-api.ts";

/** Few, and each begins or ends a wait of some milliseconds: the core looks at the time with them. */
export function isOfElection({ type }: PeerMessage | CallMessage): boolean {
  return (
    type === "preVote" || type === "preVoteResp" || type === "vote" || type === "voteResp" || type === "timeoutNow"
  );
}
