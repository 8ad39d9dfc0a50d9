import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

const prefix = "dev.troupe.faults.v1";

export const faultWhereSchema: ObjectSchema = object(
  `${prefix}.FaultWhere`,
  "Whom a fault is for; all that are given must hold. In patterns * stands for anything within one segment of a path, ** for any segments.",
  {
    path: field(1, "string", "Pattern of the actor's path, such as /ctl/deployment/**."),
    kind: field(2, "string", "Plural of the object's kind, such as pods."),
    ns: field(3, "string", "Pattern of the object's namespace."),
    name: field(4, "string", "Pattern of the object's name."),
    labels: field(5, "string", "Label selector of the object, such as app=web; what has no labels matches none."),
    supervisor: field(6, "string", "Pattern of the path of the actor's supervisor."),
    node: field(7, "string", "Pattern of the node's name."),
    master: field(8, "string", "Pattern of the master's name; of messages between masters, that of either end."),
    role: field(9, "string", "Only in the master that leads (leader), or in the others (follower)."),
    from: field(10, "string", "Pattern of the name of the master that sends; for messages between masters."),
    to: field(11, "string", "Pattern of the name of the master that receives; for messages between masters."),
  },
);

export const faultWhenSchema: ObjectSchema = object(
  `${prefix}.FaultWhen`,
  "When a fault begins, and which of those that match it hits.",
  {
    atMs: field(1, "int32", "Milliseconds from the fault's creation to its beginning."),
    nth: field(
      2,
      "int32",
      "The first that is hit among those that match, counted from 1; then once, unless for.count says more.",
    ),
    p: field(3, "double", "Probability of each that matches to be hit, above 0 and at most 1; absent means all."),
    killPoint: field(4, "string", "Place on the way of a write at which the master dies: K1, K2, K3 or K4."),
  },
);

export const faultForSchema: ObjectSchema = object(
  `${prefix}.FaultFor`,
  "How long a fault lasts; what comes first ends it.",
  {
    ms: field(
      1,
      "int32",
      "Milliseconds that the fault lasts, at most ten minutes. Each target keeps that time by itself.",
    ),
    count: field(2, "int32", "Number of hits after which a target is done; each target counts its own."),
  },
);

export const faultArgsSchema: ObjectSchema = object(`${prefix}.FaultArgs`, "Particulars of what happens.", {
  ms: field(
    1,
    "int32",
    "Milliseconds of a delay, of a program's pause, or by which a clock is ahead (behind if negative).",
  ),
  message: field(2, "string", "Text of an error."),
  code: field(3, "string", "Code of a disk's error, such as EIO."),
});

export const faultScheduleSchema: ObjectSchema = object(`${prefix}.FaultSchedule`, "How often a fault begins again.", {
  everyMs: field(1, "int32", "Milliseconds from one beginning to the next.", { required: true }),
  times: field(2, "int32", "Number of beginnings in all.", { required: true }),
});

export const faultSpecSchema: ObjectSchema = object(
  `${prefix}.FaultSpec`,
  "What goes wrong, for whom, when and how long.",
  {
    seam: field(
      1,
      "string",
      "Place at which it happens; absent means the one that fits the kind, such as mailbox for drop.",
    ),
    kind: field(
      2,
      "string",
      "What happens: crash, hang, pause, delay, drop, duplicate, reorder, poison, error, full or skew.",
      {
        required: true,
      },
    ),
    where: field(3, faultWhereSchema, "Whom it is for; absent means everybody who passes the seam."),
    when: field(4, faultWhenSchema, "When it begins, and which of those that match it hits."),
    for: field(5, faultForSchema, "How long it lasts."),
    args: field(6, faultArgsSchema, "Particulars of what happens."),
    seed: field(7, "int64", "What a probability is drawn from, so that it can be repeated.", { presence: true }),
    schedule: field(8, faultScheduleSchema, "How often it begins again; absent means never."),
    ttlSecondsAfterEnd: field(9, "int32", "Seconds that the object stays behind the fault's end, to be read.", {
      default: 3_600,
      presence: true,
    }),
  },
);

export const faultPointSchema: ObjectSchema = object(`${prefix}.FaultPoint`, "A path that was hit, and how often.", {
  path: field(1, "string", "Path of the actor, message or call.", { required: true }),
  hits: field(2, "int32", "Number of hits there.", { required: true }),
});

export const faultTargetSchema: ObjectSchema = object(
  `${prefix}.FaultTarget`,
  "What a fault did in one master or agent.",
  {
    target: field(1, "string", "Who it is: master/NAME or node/NAME.", { required: true }),
    phase: field(2, "string", "Whether the fault is still at work there: Active or Ended."),
    seen: field(3, "int32", "Number of those that passed and matched.", { required: true }),
    hits: field(4, "int32", "Number of those that were hit.", { required: true }),
    points: field(5, list("atomic", faultPointSchema), "Paths that were hit, most hits first; at most twenty."),
  },
);

export const faultSeamSchema: ObjectSchema = object(`${prefix}.FaultSeam`, "Number of hits at one seam.", {
  seam: field(1, "string", "Name of the seam.", { required: true }),
  hits: field(2, "int32", "Number of hits in all targets.", { required: true }),
});

export const faultStatusSchema: ObjectSchema = object(`${prefix}.FaultStatus`, "What came of a fault.", {
  phase: field(1, "string", "Pending before it begins, Active while it lasts, Ended behind that."),
  reason: field(2, "string", "Why it ended: Expired behind its time, Done behind its count."),
  startedAt: field(3, "time", "Time at which it began."),
  endedAt: field(4, "time", "Time at which it ended."),
  hits: field(5, "int32", "Number of hits in all targets."),
  seams: field(6, list("map", faultSeamSchema, { keys: ["seam"] }), "Hits by seam."),
  targets: field(
    7,
    list("map", faultTargetSchema, { keys: ["target"], patch: { strategy: "merge", key: "target" } }),
    "What it did in each master and agent that it is for.",
  ),
});

export const faultSchema: ObjectSchema = object(
  `${prefix}.Fault`,
  "Something that goes wrong on purpose for a while, in masters and agents that were started with --enable-faults.",
  {
    metadata: field(1, objectMetaSchema, "Name, labels and other metadata of the fault."),
    spec: field(2, faultSpecSchema, "What goes wrong, for whom, when and how long; it cannot be changed."),
    status: field(3, faultStatusSchema, "What came of it."),
  },
);
