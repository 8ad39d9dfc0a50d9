import { matchesLabels, parseLabelSelector } from "../util/selector.ts";
import type { Seam, SeamPoint } from "./faults.ts";

/** Whom a fault is for: selectors over the paths that seams tell. */

/** All that are given must hold. Globs: `*` within one segment of a path, `**` across them. */
export interface ActorSelector {
  /** `/ctl/deployment/**`; paths of objects are compared without their uid. */
  readonly path?: string;
  /** Plural of the object's kind. */
  readonly kind?: string;
  readonly ns?: string;
  readonly name?: string;
  /** A label selector; points without labels match none. */
  readonly labels?: string;
  /** Path of its parent. */
  readonly supervisor?: string;
  readonly node?: string;
  /** Name of the master in which it happens; of messages between masters, either end's. */
  readonly master?: string;
  readonly role?: "leader" | "follower";
  /** Names of the masters at the ends of a message. */
  readonly from?: string;
  readonly to?: string;
}

/**
 * K1 after evaluation, before the log has it · K2 durable here, not yet committed · K3 committed, not
 * yet applied · K4 applied, not yet answered.
 */
export type KillPoint = "K1" | "K2" | "K3" | "K4";

export type LabelsOf = (path: string) => Readonly<Record<string, string>> | undefined;

const killPoints: Readonly<Record<KillPoint, { readonly seam: Seam; readonly at: (path: string) => boolean }>> = {
  K1: { seam: "append", at: (path) => path !== "/raft" },
  K2: { seam: "commit", at: (path) => path === "/raft" },
  K3: { seam: "commit", at: (path) => path === "/log" },
  K4: { seam: "apply", at: (path) => path === "/log" },
};

interface Chosen {
  readonly seam?: Seam;
  readonly where?: ActorSelector;
  readonly when?: { readonly killPoint?: KillPoint };
}

type Test = (path: string, point: SeamPoint) => boolean;

/** Throws RangeError for a selector that can match nothing, or a record without a seam. */
export function matcherOf(record: Chosen, labelsOf?: LabelsOf): (point: SeamPoint) => boolean {
  const { seam, where = {}, when } = record;
  const killPoint = when?.killPoint === undefined ? undefined : killPoints[when.killPoint];
  const wanted = killPoint?.seam ?? seam;
  if (wanted === undefined) throw new RangeError("a fault names its seam or its kill point");
  const tests: Test[] = [];
  const glob = (pattern: string | undefined, of: (path: string, point: SeamPoint) => string): void => {
    if (pattern === undefined) return;
    const expression = globOf(pattern);
    tests.push((path, point) => expression.test(of(path, point)));
  };
  if (killPoint !== undefined) tests.push((path) => killPoint.at(path));
  glob(where.path, (path) => path);
  glob(where.supervisor, (path) => path.slice(0, path.lastIndexOf("/")) || "/");
  glob(where.name, (path, { about }) => about?.name ?? subjectOf(path).name);
  glob(where.ns, (path, { about }) => about?.ns ?? subjectOf(path).ns);
  glob(where.kind, (path, { about }) => about?.kind ?? subjectOf(path).kind);
  glob(where.node, (path, { node }) => /^\/(?:node|link)\/([^/]+)/.exec(path)?.[1] ?? node ?? "");
  glob(where.from, (_path, { from }) => from ?? "");
  glob(where.to, (_path, { to }) => to ?? "");
  tests.push(...mastersOf(where));
  if (where.labels !== undefined) {
    const labels = parseLabelSelector(where.labels);
    tests.push((path, point) => {
      const own = point.labels ?? labelsOf?.(path);
      return own !== undefined && matchesLabels(labels, own);
    });
  }
  return (passing) => {
    if (passing.seam !== wanted) return false;
    const path = passing.path.startsWith("/obj/") ? passing.path.replace(/#[^/]*$/, "") : passing.path;
    return tests.every((holds) => holds(path, passing));
  };
}

function mastersOf({ master, role }: ActorSelector): readonly Test[] {
  const tests: Test[] = [];
  if (master !== undefined) {
    const expression = globOf(master);
    tests.push((_path, point) => {
      const ends = point.from === undefined ? [point.master] : [point.from, point.to];
      return ends.some((each) => each !== undefined && expression.test(each));
    });
  }
  if (role !== undefined) tests.push((_path, { isLeader }) => isLeader === (role === "leader"));
  return tests;
}

interface Subject {
  readonly kind: string;
  readonly ns: string;
  readonly name: string;
}

/**
 * The object behind a path: `/obj/core/pods/default/web`, `pods/default/web` (a message to it),
 * `/node/n1/pod/default/web/liveness/main`, `/ctl/deployment/default/web` (of no kind).
 */
function subjectOf(path: string): Subject {
  const segments = path.split("/");
  const isPod = segments[1] === "node" && segments[3] === "pod";
  if (isPod) return { kind: "pods", ns: segments[4] ?? "", name: segments[5] ?? "" };
  const word = path.startsWith("/obj/") ? segments[3] : path.startsWith("/") ? "" : segments[0];
  return { kind: (word ?? "").split(".")[0] ?? "", ns: segments.at(-2) ?? "", name: segments.at(-1) ?? "" };
}

function globOf(pattern: string): RegExp {
  const text = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&")))
    .join("");
  return new RegExp(`^${text}$`);
}
