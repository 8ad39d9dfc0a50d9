/** Values of options, read strictly. Pure. */
import { UserError } from "../util/errors.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `90s`, `2m`, `1m30s`, `500ms`; a bare number counts seconds. Milliseconds. */
export function parseDuration(option: string, words: string): number {
  if (/^\d+$/.test(words)) return Number(words) * 1_000;
  const parts = [...words.matchAll(/(\d+)(ms|s|m|h)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join("") === words) {
    return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0);
  }
  throw wrong(option, words, "a length of time is written as 60s, 2m or 1m30s");
}

export function parseCount(option: string, words: string, max: number): number {
  const count = /^\d+$/.test(words) ? Number(words) : 0;
  if (count >= 1 && count <= max) return count;
  throw wrong(option, words, `it takes a number from 1 to ${max}`);
}

export function parseChoice<T extends string>(option: string, words: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === words);
  if (found !== undefined) return found;
  throw wrong(option, words, `it takes ${choices.join(" or ")}`);
}

function wrong(option: string, words: string, cause: string): UserError {
  return new UserError("TRP-0103", `--${option} ${words} cannot be understood`, {
    cause: new Error(cause),
    exitCode: 2,
  });
}

/** Up to three known words within edit distance three, nearest first. */
export function nearest(word: string, known: readonly string[]): readonly string[] {
  return known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= 3 && distance < candidate.length)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      row.push(Math.min(row[j - 1]! + 1, previous[j]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length]!;
}
