/** The versions that clients and nodes are told. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const troupeVersion: string = (
  JSON.parse(readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8")) as { version: string }
).version;

/**
 * The API version that clients are told. kubectl warns beyond one minor version of skew, and 1.31 to
 * 1.33 are the clients of today; the kinds themselves carry the fields of 1.36.
 */
export const apiVersion: string = `v1.32.0+troupe.${troupeVersion}`;
