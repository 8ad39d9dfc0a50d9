/**
 * Sessions at a shell with expected output, as text files: `test/golden/kubectl/*.txt`. What is indented by
 * two spaces is the session, the rest is prose.
 *
 *     $ kubectl get pods        a command (sh); `> ` continues it on the next line
 *     @ kubectl get pods        again and again until it says so
 *     NAME  READY               what it says, stdout and stderr in one, normalised; one version may
 *     ~ 1.27-1.29               say something else: what follows holds for these versions,
 *     No resources found        what stands before, for all others
 *     [1]                       exit code, where it is not 0
 *
 * `UPDATE_GOLDEN=1` writes down what was said instead: every changed line is to be read and judged.
 */
import { normalise } from "./session-words.ts";

export interface Step {
  /** `$` once, `@` until it says so. */
  readonly sign: "$" | "@";
  readonly command: string;
  readonly variants: readonly Variant[];
}

interface Variant {
  /** Empty: every version that no other variant names. */
  readonly versions: string;
  readonly text: string;
}

export interface Session {
  readonly parts: readonly (Step | string)[];
}

export function parseSession(text: string): Session {
  const parts: (Step | string)[] = [];
  let step: { sign: "$" | "@"; command: string[]; variants: { versions: string; lines: string[] }[] } | undefined;
  const finish = (): void => {
    if (step === undefined) return;
    const { sign, command, variants } = step;
    const done = variants.map(({ versions, lines }) => ({ versions, text: trimEnd(lines) }));
    parts.push({ sign, command: command.join("\n"), variants: done });
    step = undefined;
  };
  for (const line of text.split("\n")) {
    const [, sign, rest = ""] = /^ {2}([$@>~])(?: (.*))?$/.exec(line) ?? [];
    if (sign === "$" || sign === "@") {
      finish();
      step = { sign, command: [rest], variants: [{ versions: "", lines: [] }] };
    } else if (sign === ">" && step !== undefined) {
      step.command.push(rest);
    } else if (sign === "~" && step !== undefined) {
      step.variants.push({ versions: rest, lines: [] });
    } else if (step !== undefined && (line.startsWith("  ") || line.trim() === "")) {
      step.variants.at(-1)!.lines.push(line.slice(2));
    } else {
      finish();
      parts.push(line);
    }
  }
  finish();
  return { parts };
}

function trimEnd(lines: readonly string[]): string {
  return lines.join("\n").trimEnd();
}

export function stepsOf({ parts }: Session): readonly Step[] {
  return parts.filter((part) => typeof part !== "string");
}

/** `versions`: `1.27`, `1.27-1.29`, `1.32-`, several with spaces between. */
export function expectedOf({ variants }: Step, version: string): string {
  const named = variants.find(({ versions }) => versions !== "" && covers(versions, version));
  return (named ?? variants[0]!).text;
}

function covers(ranges: string, version: string): boolean {
  const minor = minorOf(version);
  return ranges.split(" ").some((range) => {
    const [from = "", to = from] = range.split("-");
    return minor >= minorOf(from) && minor <= (to === "" ? Infinity : minorOf(to));
  });
}

function minorOf(version: string): number {
  return Number(version.split(".")[1]);
}

/** What was said, as the text of a session; variants where versions said different things. */
export function writeSession(session: Session, said: readonly ReadonlyMap<string, string>[]): string {
  let index = -1;
  const written = session.parts.map((part) => {
    if (typeof part === "string") return part;
    index += 1;
    const command = part.command.split("\n").map((line, at) => `  ${at === 0 ? part.sign : ">"} ${line}`);
    return [...command, ...variantLines(said[index]!), ""].join("\n");
  });
  return written.join("\n").replaceAll(/\n{3,}/g, "\n\n");
}

function variantLines(said: ReadonlyMap<string, string>): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const [version, text] of said) groups.set(text, [...(groups.get(text) ?? []), version]);
  const largestFirst = [...groups].toSorted(([, a], [, b]) => b.length - a.length);
  return largestFirst.flatMap(([text, versions], at) => [
    ...(at === 0 ? [] : [`  ~ ${versions.join(" ")}`]),
    ...(text === "" ? [] : text.split("\n").map((line) => `  ${line}`.trimEnd())),
  ]);
}

export interface Ended {
  readonly code: number;
  readonly text: string;
}

export interface SessionShell {
  /** Runs to the end; stdout and stderr in one. */
  run(command: string): Promise<Ended>;
  /** Words of this run that are others in the next: the namespace, the folder. */
  readonly own: Readonly<Record<string, string>>;
}

/** Commands of kubectl that change nothing, here or there. */
const readingCommands =
  /^(get|describe|explain|api-resources|api-versions|auth (can-i|whoami)|top|logs|events|diff|kustomize|version|cluster-info|rollout (status|history))\b/;
/** Options with which no command changes anything. */
const readingOptions = / --(dry-run=(client|server)|local|list)\b/;
/** Commands that may do a part of their work before they fail, or speak in streams, which versions do differently. */
const notHarmless = /^(drain|delete|run|scale|exec|attach|cp|port-forward|debug|replace --force)\b/;
/** What waits lets the next step see what it waited for: a version that has not waited is too early there. */
const waits = /^(wait\b|rollout status\b(?!.* --watch=false)|logs\b.* (-f|--follow)\b)/;
const filterCommands = /^(sed|grep|wc|head|tail|sort|cut|tr)\b(?!.* -i)/;

/**
 * Whether a step changes nothing, waits for nothing, and says the same with every version: it only looks
 * or tries, or is refused. Those that send other requests, or print in other words, are known by their variants.
 */
export function isReading({ sign, command, variants }: Step): boolean {
  if (sign === "@" || variants.length > 1 || /[>;\n]|&&|& |&$|<\(/.test(command.replace("2>&1", ""))) return false;
  const [first = "", ...filters] = command.split("|").map((part) => part.trim());
  const words = /^(?:timeout \d+ |sh asked )?kubectl (.*)$/.exec(first)?.[1];
  if (words === undefined || waits.test(words) || !filters.every((filter) => filterCommands.test(filter))) return false;
  const isRefused = /\n?\[\d+\]$/.test(variants[0]?.text ?? "") && !notHarmless.test(words);
  return readingCommands.test(words) || readingOptions.test(words) || isRefused;
}

/**
 * Which versions (of these, oldest first) play which steps of the session that is number `turn`: the oldest, the
 * newest, and two of those between, others with each session; what only looks is left to one of the two, another
 * one each time. So every version plays sessions, and every session is played at both ends and between.
 */
export function playersOf(session: Session, versions: readonly string[], turn: number): readonly ReadonlySet<string>[] {
  const [oldest, newest] = [versions[0]!, versions.at(-1)!];
  const between = versions.slice(1, -1);
  const from = (2 * turn) % Math.max(1, between.length);
  const two = [...between, ...between].slice(from, from + 2);
  let looks = 0;
  return stepsOf(session).map((step) => {
    if (!isReading(step)) return new Set([oldest, ...two, newest]);
    looks += 1;
    return new Set([oldest, two[looks % 2] ?? newest, newest]);
  });
}

const againMs = 700;

export interface Playing {
  readonly shell: SessionShell;
  /** How long an `@` may take until it says what is expected. */
  readonly giveUpMs: number;
  /** Who plays each step. */
  readonly players: readonly ReadonlySet<string>[];
}

/** What each step said, in order; undefined: others play it. */
export async function playSession(
  session: Session,
  version: string,
  { shell, giveUpMs, players }: Playing,
): Promise<readonly (string | undefined)[]> {
  const said: (string | undefined)[] = [];
  for (const [at, step] of stepsOf(session).entries()) {
    if (players[at]?.has(version) !== true) {
      said.push(undefined);
      continue;
    }
    const expected = expectedOf(step, version);
    const deadlineMs = Date.now() + (step.sign === "@" ? giveUpMs : 0);
    let text = await say(shell, step.command);
    while (text !== expected && Date.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, againMs));
      text = await say(shell, step.command);
    }
    said.push(text);
  }
  return said;
}

async function say(shell: SessionShell, command: string): Promise<string> {
  const { code, text } = await shell.run(command);
  return `${normalise(text, shell.own)}${code === 0 ? "" : `\n[${code}]`}`.replace(/^\n/, "").trimEnd();
}
