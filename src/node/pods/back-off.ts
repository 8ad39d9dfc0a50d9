import type { Millis } from "../../util/time.ts";
import { crashBackOffFirstMs, crashBackOffForgetMs, crashBackOffMaxMs } from "./limits.ts";
import type { BackOffEntry } from "./model.ts";

/**
 * The crash back-off: the first restart is immediate, then the container waits 10 s, 20 s … 300 s,
 * counted from the moment when it finished. The delay is doubled when a restart is let through, so
 * the entry always names the wait of the *next* crash.
 */
export type BackOffVerdict =
  | { readonly kind: "wait"; readonly until: Millis; readonly delayMs: Millis }
  | { readonly kind: "go"; readonly next: BackOffEntry };

export function crashBackOff(
  entry: BackOffEntry | undefined,
  finishedAt: Millis,
  now: Millis,
  hash: string,
): BackOffVerdict {
  const known = entry !== undefined && entry.hash === hash && finishedAt - entry.updatedAt <= crashBackOffForgetMs;
  if (!known) {
    return { kind: "go", next: { delayMs: crashBackOffFirstMs, updatedAt: now, hash } };
  }
  const until = finishedAt + entry.delayMs;
  if (now < until) return { kind: "wait", until, delayMs: entry.delayMs };
  const delayMs = Math.min(entry.delayMs * 2, crashBackOffMaxMs);
  return { kind: "go", next: { delayMs, updatedAt: now, hash } };
}

/** Go's text of a duration in whole seconds: `10s`, `1m20s`, `5m0s`. */
export function durationText(ms: Millis): string {
  const seconds = Math.round(ms / 1_000);
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  const rest = seconds % 60;
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}
