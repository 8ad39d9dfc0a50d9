import type { RuleCase } from "./helpers.ts";

/** Faults. */
const kind = "faults.faults.troupe.dev";
const seams =
  '"actor", "append", "apply", "clock", "cni", "commit", "cri", "disk", "evaluator", "link", "mailbox", "net", "nft", "process", "program", "timer"';
const long = "x".repeat(1_025);

export const faultCases: readonly RuleCase[] = [
  {
    what: "a message that is lost",
    kind,
    body: { spec: { kind: "drop", where: { kind: "pods", labels: "app=web" } } },
    errors: [],
  },
  {
    what: "a kill point finds its seam",
    kind,
    body: { spec: { kind: "crash", when: { killPoint: "K3", nth: 2 } } },
    errors: [],
  },
  {
    what: "no kind",
    kind,
    body: { spec: { kind: "" } },
    errors: [
      "spec.kind: Required value: one of crash, delay, drop, duplicate, error, full, hang, pause, poison, reorder, skew",
    ],
  },
  {
    what: "a kind that there is not",
    kind,
    body: { spec: { kind: "melt" } },
    errors: [
      'spec.kind: Unsupported value: "melt": supported values: "crash", "delay", "drop", "duplicate", "error", "full", "hang", "pause", "poison", "reorder", "skew"',
    ],
  },
  {
    what: "a seam that there is not",
    kind,
    body: { spec: { kind: "drop", seam: "wall" } },
    errors: [`spec.seam: Unsupported value: "wall": supported values: ${seams}`],
  },
  {
    what: "a kind that the seam does not know",
    kind,
    body: { spec: { kind: "poison", seam: "cri" } },
    errors: [
      'spec.kind: Invalid value: "poison": nothing of this kind happens at the seam cri: it knows crash, delay, drop, error, hang, pause',
    ],
  },
  {
    what: "a selector that is too long and one that cannot be read",
    kind,
    body: { spec: { kind: "drop", where: { path: long, labels: "a in" } } },
    errors: [
      "spec.where.path: Too long: may not be more than 1024 bytes",
      "spec.where.labels: Invalid value: \"a in\": unable to parse requirement: found '' expected: '('",
    ],
  },
  {
    what: "a role that there is not",
    kind,
    body: { spec: { kind: "crash", where: { role: "king" } } },
    errors: ['spec.where.role: Unsupported value: "king": supported values: "follower", "leader"'],
  },
  {
    what: "a master where there are only agents",
    kind,
    body: { spec: { kind: "error", seam: "nft", where: { master: "m1" } } },
    errors: ["spec.where.master: Forbidden: the seam nft is in agents, not in masters"],
  },
  {
    what: "an end of a message where there is none",
    kind,
    body: { spec: { kind: "drop", where: { from: "m1" } } },
    errors: ["spec.where.from: Forbidden: only messages between masters have it: the seam net"],
  },
  {
    what: "a node where there are only masters",
    kind,
    body: { spec: { kind: "drop", seam: "net", where: { node: "n1" } } },
    errors: ["spec.where.node: Forbidden: the seam net is in masters, not in agents"],
  },
  {
    what: "a program without a name",
    kind,
    body: { spec: { kind: "crash", seam: "program" } },
    errors: ["spec.where: Required value: a fault of whole programs names a node, a master or a role"],
  },
  {
    what: "a probability beyond all",
    kind,
    body: { spec: { kind: "drop", when: { p: 2 } } },
    errors: ["spec.when.p: Invalid value: 2: must be greater than 0 and at most 1"],
  },
  {
    what: "a kill point at another seam",
    kind,
    body: { spec: { kind: "crash", seam: "append", when: { killPoint: "K3" } } },
    errors: ['spec.seam: Invalid value: "append": K3 lies at the seam commit'],
  },
  {
    what: "longer than anything may last",
    kind,
    body: { spec: { kind: "drop", for: { ms: 600_001 } } },
    errors: ["spec.for.ms: Invalid value: 600001: must be between 1 and 600000, inclusive"],
  },
  {
    what: "a delay of unknown length",
    kind,
    body: { spec: { kind: "delay" } },
    errors: ["spec.args.ms: Required value: milliseconds of the delay"],
  },
  {
    what: "a length of what has none",
    kind,
    body: { spec: { kind: "drop", args: { ms: 5 } } },
    errors: ["spec.args.ms: Forbidden: a fault of kind drop at the seam mailbox takes none"],
  },
  {
    what: "a code of what has none",
    kind,
    body: { spec: { kind: "error", seam: "cri", args: { code: "EIO" } } },
    errors: ['spec.args.code: Invalid value: "EIO": only errors of the disk have one, such as EIO'],
  },
  {
    what: "a message that is too long",
    kind,
    body: { spec: { kind: "error", seam: "cri", args: { message: long } } },
    errors: ["spec.args.message: Too long: may not be more than 1024 bytes"],
  },
  {
    what: "a change of what is at work",
    kind,
    before: { spec: { kind: "drop" } },
    body: { spec: { kind: "drop", for: { count: 1 } } },
    errors: ["spec: Forbidden: a fault cannot be changed: delete it and make another"],
  },
];
