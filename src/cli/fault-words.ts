/** Options of `troupe fault add` as the spec of a Fault. Pure. */
import type { FaultSpec } from "../kinds/generated/types.ts";
import { UserError } from "../util/errors.ts";
import { parseDuration } from "./arguments.ts";
import { text, type CommandOption, type Values } from "./command.ts";

/** Selectors, by the option that gives each. */
const selectors = {
  path: "path",
  kind: "kind",
  in: "ns",
  object: "name",
  selector: "labels",
  supervisor: "supervisor",
  node: "node",
  master: "master",
  role: "role",
  from: "from",
  to: "to",
} as const;

export const faultOptions: readonly CommandOption[] = [
  { name: "seam", type: "string", value: "SEAM", help: "where it happens (what fits the kind)" },
  { name: "path", type: "string", value: "GLOB", help: "path of the actor, as kubectl get actors says" },
  { name: "kind", type: "string", value: "PLURAL", help: "kind of the object, as pods" },
  { name: "in", type: "string", value: "GLOB", help: "namespace of the object" },
  { name: "object", type: "string", value: "GLOB", help: "name of the object" },
  { name: "selector", type: "string", short: "l", value: "LABELS", help: "labels of the object" },
  { name: "supervisor", type: "string", value: "GLOB", help: "path of the actor's supervisor" },
  { name: "node", type: "string", value: "GLOB", help: "name of the node" },
  { name: "master", type: "string", value: "GLOB", help: "name of the master" },
  { name: "role", type: "string", value: "ROLE", help: "leader or follower" },
  { name: "from", type: "string", value: "GLOB", help: "seam net: the master that sends" },
  { name: "to", type: "string", value: "GLOB", help: "seam net: the master that receives" },
  { name: "for", type: "string", value: "60s", help: "how long it lasts, at most 10m" },
  { name: "count", type: "string", value: "N", help: "over after so many hits" },
  { name: "nth", type: "string", value: "N", help: "hits the Nth that matches" },
  { name: "p", type: "string", value: "0.1", help: "probability of each to be hit" },
  { name: "seed", type: "string", value: "N", help: "what the probability is drawn from" },
  { name: "kill-point", type: "string", value: "K1", help: "crash of a master at K1, K2, K3 or K4 of a write" },
  { name: "after", type: "string", value: "10s", help: "begins so much later" },
  { name: "by", type: "string", value: "300ms", help: "length of a delay, a pause or a skew (-5m: behind)" },
  { name: "message", type: "string", value: "TEXT", help: "text of an error" },
  { name: "code", type: "string", value: "EIO", help: "code of a disk's error" },
  { name: "every", type: "string", value: "1m", help: "begins again, with --times" },
  { name: "times", type: "string", value: "N", help: "how often it begins" },
];

/** Throws UserError for what cannot be read; what does not fit together the API refuses. */
export function specOf(kind: string, values: Values): FaultSpec {
  const where = Object.fromEntries(
    Object.entries(selectors).flatMap(([option, field]) => {
      const value = text(values, option);
      return value === undefined ? [] : [[field, value]];
    }),
  );
  const when = given({
    atMs: duration(values, "after"),
    nth: whole(values, "nth"),
    p: number(values, "p"),
    killPoint: text(values, "kill-point"),
  });
  const lasts = given({ ms: duration(values, "for"), count: whole(values, "count") });
  const args = given({ ms: duration(values, "by"), message: text(values, "message"), code: text(values, "code") });
  const schedule = given({ everyMs: duration(values, "every"), times: whole(values, "times") });
  return {
    kind,
    ...given({ seam: text(values, "seam"), seed: whole(values, "seed") }),
    ...filled({ where, when, for: lasts, args, schedule }),
  } as FaultSpec;
}

function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function filled(parts: Readonly<Record<string, object>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => Object.keys(part).length > 0));
}

/** Milliseconds; of a skew also below nothing. */
function duration(values: Values, option: string): number | undefined {
  const words = text(values, option);
  if (words === undefined) return undefined;
  return words.startsWith("-") ? -parseDuration(option, words.slice(1)) : parseDuration(option, words);
}

function whole(values: Values, option: string): number | undefined {
  const words = text(values, option);
  if (words === undefined) return undefined;
  if (/^\d{1,9}$/.test(words)) return Number(words);
  throw unreadable(option, words, "it takes a whole number");
}

function number(values: Values, option: string): number | undefined {
  const words = text(values, option);
  if (words === undefined) return undefined;
  if (/^\d*\.?\d+$/.test(words)) return Number(words);
  throw unreadable(option, words, "it takes a number, such as 0.1");
}

function unreadable(option: string, words: string, cause: string): UserError {
  return new UserError("TRP-0103", `--${option} ${words} cannot be understood`, {
    cause: new Error(cause),
    exitCode: 2,
  });
}
