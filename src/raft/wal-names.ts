/** Where the log's files lie below the data directory. */

export const WAL_FOLDER = "wal";
/** A file that will be the next segment: zero-filled ahead, or freed by compaction. */
export const SPARE_PATH: string = `${WAL_FOLDER}/spare`;
/** A segment or spare that is being made; of no meaning after a crash. */
export const NEW_PATH: string = `${WAL_FOLDER}/new`;

/** Says that the log lost what it had acknowledged, until it is repaired. */
export const DAMAGED_PATH = "damaged";
/** Room that gives way when the disk is full. */
export const BALLAST_PATH = "ballast";
const CORRUPT = ".corrupt";

const SUFFIX = ".seg";

export function segmentPath(segment: number): string {
  return `${WAL_FOLDER}/${String(segment).padStart(12, "0")}${SUFFIX}`;
}

/** The number in a segment's file name; undefined for any other file. */
export function numberOfSegment(name: string): number | undefined {
  return /^\d{12}\.seg$/.test(name) ? Number(name.slice(0, -SUFFIX.length)) : undefined;
}

/** What a damaged segment is called while its log is repaired. */
export function corruptPath(segment: number): string {
  return `${segmentPath(segment)}${CORRUPT}`;
}

export function isCorruptName(name: string): boolean {
  return name.endsWith(CORRUPT);
}
