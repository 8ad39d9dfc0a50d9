import type { Draft, Kind, KindId, KubeObject } from "../../kinds/kind.ts";
import { decodeOutcome, encodeOutcome } from "../../store/outcome-codec.ts";
import type { Outcome } from "../../store/outcome.ts";
import type { Revision } from "../../store/revision.ts";
import { headerOf } from "../../store/row.ts";

/** Kinds by id; the catalogue's map is one. */
export interface KindLookup {
  get(id: KindId): Kind | undefined;
}

/** How rows and outcomes become bytes; the store's codecs, injected by the composition. */
export interface HostCodec {
  /** Header and body of a row's new version; sealed if the kind is. */
  encodeRow(kind: Kind, object: KubeObject, revision: Revision): Uint8Array;
  /** The JSON in a row that `encodeRow` made: a view on it; undefined where it is sealed. */
  plainBody?(row: Uint8Array): Uint8Array | undefined;
  encodeOutcome(outcome: Outcome): Uint8Array;
  decodeOutcome(payload: Uint8Array): Outcome;
}

/** The codec of a real store: it seals the rows of kinds that are encrypted at rest. */
export function codecOf(store: { encodeRow(kind: KindId, draft: Draft, revision: Revision): Uint8Array }): HostCodec {
  return {
    encodeRow: (kind, object, revision) => store.encodeRow(kind.id, object as unknown as Draft, revision),
    plainBody(row) {
      const { sealed, bodyAt } = headerOf(row);
      return sealed ? undefined : row.subarray(bodyAt);
    },
    encodeOutcome,
    decodeOutcome,
  };
}
