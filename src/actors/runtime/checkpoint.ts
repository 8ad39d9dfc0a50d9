import type { LogEntry } from "../../raft/log-api.ts";
import type { Digest } from "../../store/revision.ts";
import { invariant } from "../../util/errors.ts";

/** A checkpoint names the digest of the state before it; a follower's must be equal. */
export function compareDigest(store: { readonly tipDigest: Digest }, { payload }: LogEntry): void {
  const { digest } = JSON.parse(new TextDecoder().decode(payload)) as { readonly digest: Digest };
  const { a, b } = store.tipDigest;
  invariant(a === digest.a && b === digest.b, "members at one index have one digest");
}
