import { Unsent } from "../../env/unsent.ts";
import { linkLimits } from "./limits.ts";
import type { Down, LinkRow, Rows } from "./messages.ts";

/** Rows as messages: cut into pieces that the wire takes, and held to a bound of what waits unsent. */

/** One message and what it weighs. */
export type SendRows = (rows: Rows, bytes: number) => void;

/** Names and framing of a row, about. */
const rowFrameBytes = 128;

/** Hands `rows` over as one or more messages; only the last stands for `revision`. */
export function sendInPieces(
  send: SendRows,
  { rows, revision, synced }: Rows,
  bytesMax: number = linkLimits.rowsBytesMax,
): void {
  let piece: LinkRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    const rowBytes = (row.object?.length ?? 0) + rowFrameBytes;
    if (piece.length > 0 && bytes + rowBytes > bytesMax) {
      send({ rows: piece, revision: 0, synced: false }, bytes);
      piece = [];
      bytes = 0;
    }
    piece.push(row);
    bytes += rowBytes;
  }
  send({ rows: piece, revision, synced }, bytes);
}

export interface RowsOutlet {
  readonly call: { write(down: Down, sent: () => void): unknown };
  /** More than this much waits behind the first whole state: the node does not read. */
  readonly tooSlow: (pendingBytes: number) => void;
  readonly pendingMaxBytes: number;
}

/** The first whole state may be larger than the bound and does not count. */
export function sendBounded({ call, tooSlow, pendingMaxBytes }: RowsOutlet): SendRows {
  const unsent = new Unsent();
  let isSynced = false;
  return (rows, bytes) => {
    if (unsent.bytes > pendingMaxBytes) return tooSlow(unsent.bytes);
    call.write({ rows }, isSynced ? unsent.add(bytes) : () => {});
    isSynced ||= rows.synced;
  };
}
