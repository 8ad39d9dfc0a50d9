/** One thing that was looked at, and what it means. */

export type Verdict = "ok" | "warn" | "fail";

export interface Check {
  /** `disk space`: few words, the same on every machine. */
  readonly name: string;
  readonly verdict: Verdict;
  /** What was found, on one line. */
  readonly found: string;
  /** What to do; missing where all is well. */
  readonly fix?: string;
}

export const ok = (name: string, found: string): Check => ({ name, verdict: "ok", found });
export const warn = (name: string, found: string, fix: string): Check => ({ name, verdict: "warn", found, fix });
export const fail = (name: string, found: string, fix: string): Check => ({ name, verdict: "fail", found, fix });

/** The smallest value that at least `share` of all do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
