import type { Bug } from "../bugs.ts";

export const objectBugs: readonly Bug[] = [
  {
    name: "each arrival of a command is a command of its own",
    file: "actors/runtime/jobs.js",
    find: '        if (job.state === "settled" || this.#isAway(job))\n            return;',
    replace:
      '        if (job.state === "settled" || this.#isAway(job))\n            return;\n        job = { ...job, sequence: (this.#sequence += 1) };',
    caughtBy: { suite: "objects", tests: ["a command that arrives twice happens once"] },
  },
  {
    name: "an update does not look at the version it was made from",
    file: "api/verbs/replace.js",
    find: 'const expected = [given, request.preconditions?.resourceVersion ?? ""];',
    replace: 'const expected = ["", ""].concat(given === request ? [given] : []);',
    caughtBy: {
      suite: "objects",
      tests: ["of two updates of one version one is refused and none is lost, in whichever order they arrive"],
    },
  },
  {
    name: "nobody waits for a command's deadline",
    file: "actors/runtime/jobs.js",
    find: "job.deadline = clock.after(options.deadlineMs,",
    replace: "job.deadline = clock.after(options.deadlineMs * 1e6,",
    caughtBy: {
      suite: "objects",
      tests: [
        "a command that is lost on its way is answered: whether it happened is unknown, and its retry makes one of it",
      ],
    },
  },
  {
    name: "an object's mailbox has no bound",
    file: "actors/runtime/limits.js",
    find: "queuedPerObjectCommandsMax = 64",
    replace: "queuedPerObjectCommandsMax = 64e9",
    caughtBy: {
      suite: "objects",
      tests: ["a flood on one object is refused with 429 beyond its mailbox, and others are answered meanwhile"],
    },
  },
  {
    name: "a command that throws takes the process with it",
    file: "actors/runtime/evaluation.js",
    find: 'env.log("error", "evaluation-failed", { actor, event, error: messageOf(error) });',
    replace: "throw error;",
    caughtBy: {
      suite: "objects",
      tests: ["a command that blows up is an error of its own: nothing of it is kept, and the next one is done"],
    },
  },
  {
    name: "a machine that fails refuses the write",
    file: "actors/runtime/reactions.js",
    find: "failed({ into, transaction }, subject, event, error);",
    replace: "throw error;",
    caughtBy: {
      suite: "objects",
      tests: [
        "a failed event is tried again after a pause that grows, not at once",
        "a fault every two seconds quarantines nobody",
        "a machine that fails for fifty objects is left out of use, and its kind is stored all the same",
        "a machine that fails never refuses a write: the row wins",
        "a quarantine holds over the death of the master, until it is released, which is told",
        "a quarantined actor is tried every five minutes, and one further fault brings it back",
        "a retry is for the object that failed, not for another one of its name",
        "an event that failed three times is a dead letter that is shown, and the actor goes on with the next",
        "more than three faults in five seconds quarantine the actor: by a condition and an Event, and its row lives on",
      ],
    },
  },
  {
    name: "a failing event is tried for ever",
    file: "actors/runtime/limits.js",
    find: "deadLetterAttemptsMax = 3",
    replace: "deadLetterAttemptsMax = 3e9",
    caughtBy: {
      suite: "objects",
      tests: [
        "a quarantine holds over the death of the master, until it is released, which is told",
        "a quarantined actor is tried every five minutes, and one further fault brings it back",
        "an event that failed three times is a dead letter that is shown, and the actor goes on with the next",
        "more than three faults in five seconds quarantine the actor: by a condition and an Event, and its row lives on",
      ],
    },
  },
  {
    name: "a failing event is tried at once",
    file: "actors/runtime/reactions.js",
    find: "backoffBaseMs * 2 ** attempts",
    replace: "0 * attempts",
    caughtBy: { suite: "objects", tests: ["a failed event is tried again after a pause that grows, not at once"] },
  },
  {
    name: "an actor may fail as often as it likes",
    file: "actors/runtime/limits.js",
    find: "quarantineFaultsMax = 3",
    replace: "quarantineFaultsMax = 3e9",
    caughtBy: {
      suite: "objects",
      tests: [
        "a quarantine holds over the death of the master, until it is released, which is told",
        "a quarantined actor is tried every five minutes, and one further fault brings it back",
        "more than three faults in five seconds quarantine the actor: by a condition and an Event, and its row lives on",
      ],
    },
  },
  {
    name: "nobody sees at an object that its actor is left alone",
    file: "actors/runtime/parking.js",
    find: 'status: "True",',
    replace: 'status: "False",',
    caughtBy: {
      suite: "objects",
      tests: [
        "more than three faults in five seconds quarantine the actor: by a condition and an Event, and its row lives on",
      ],
    },
  },
  {
    name: "nobody is told that an actor is left alone",
    file: "actors/runtime/parking.js",
    find: 'tell(transaction, row, {\n                    type: "Warning",',
    replace: '((..._) => { })({\n                    type: "Warning",',
    caughtBy: {
      suite: "objects",
      tests: [
        "more than three faults in five seconds quarantine the actor: by a condition and an Event, and its row lives on",
      ],
    },
  },
  {
    name: "faults are counted for ever",
    file: "actors/runtime/limits.js",
    find: "quarantineWindowMs = 5_000",
    replace: "quarantineWindowMs = 5_000_000",
    caughtBy: { suite: "objects", tests: ["a fault every two seconds quarantines nobody"] },
  },
  {
    name: "a new master frees whom the last one left alone",
    file: "actors/runtime/host.js",
    find: "results.start();",
    replace:
      'results.start();\n        for (const { path } of this.quarantine.all())\n            this.submit({ class: "system", cause: { origin: "system", actor: path, event: "free" }, evaluate: (transaction) => [this.parking.free(transaction, path)], failed() { } });',
    caughtBy: {
      suite: "objects",
      tests: ["a quarantine holds over the death of the master, until it is released, which is told"],
    },
  },
  {
    name: "a release forgets whom it is for",
    file: "actors/runtime/releases.js",
    find: "return [...system, parking.free(transaction, path)];",
    replace: "return system;",
    caughtBy: {
      suite: "objects",
      tests: ["a quarantine holds over the death of the master, until it is released, which is told"],
    },
  },
  {
    name: "a quarantine is for ever",
    file: "actors/runtime/limits.js",
    find: "quarantineProbeMs = 300_000",
    replace: "quarantineProbeMs = 300_000_000",
    caughtBy: {
      suite: "objects",
      tests: ["a quarantined actor is tried every five minutes, and one further fault brings it back"],
    },
  },
  {
    name: "an actor on probation has all its faults again",
    file: "actors/runtime/quarantine.js",
    find: "if (probed.delete(path))",
    replace: "if (probed.delete(path) && now < 0)",
    caughtBy: {
      suite: "objects",
      tests: ["a quarantined actor is tried every five minutes, and one further fault brings it back"],
    },
  },
  {
    name: "a machine that fails everywhere goes on failing",
    file: "actors/runtime/limits.js",
    find: "breakerActorsMin = 50",
    replace: "breakerActorsMin = 50e9",
    caughtBy: {
      suite: "objects",
      tests: ["a machine that fails for fifty objects is left out of use, and its kind is stored all the same"],
    },
  },
  {
    name: "a retry takes whoever has the name",
    file: "actors/runtime/reactions.js",
    find: "if (row !== undefined && row.hot.uid === address?.uid) {\n            const subject",
    replace: "if (row !== undefined) {\n            const subject",
    caughtBy: { suite: "objects", tests: ["a retry is for the object that failed, not for another one of its name"] },
  },
  {
    name: "finalizers do not hold what is deleted",
    file: "api/verbs/delete.js",
    find: "const held = (draft.metadata.finalizers ?? []).length > 0;",
    replace: "const held = false;",
    caughtBy: {
      suite: "objects",
      tests: [
        "finalizers hold an object over the death of masters; it goes with the last of them, and cannot be revived",
      ],
    },
  },
  {
    name: "the first finalizer that goes takes the object along",
    file: "api/verbs/replace.js",
    find: "return (meta.finalizers ?? []).length === 0 &&",
    replace: "return (meta.finalizers ?? []).length <= 1 &&",
    caughtBy: {
      suite: "objects",
      tests: [
        "finalizers hold an object over the death of masters; it goes with the last of them, and cannot be revived",
      ],
    },
  },
  {
    name: "a restart loses the last entry",
    file: "raft/wake.js",
    find: "entries.filter((entry) => entry.index > index)",
    replace: "entries.filter((entry) => entry.index > index).slice(0, -1)",
    caughtBy: {
      suite: "objects",
      tests: [
        "a quarantine holds over the death of the master, until it is released, which is told",
        "a write whose master dies before its entry is not there; behind its entry it is there once, whatever its retry says",
        "finalizers hold an object over the death of masters; it goes with the last of them, and cannot be revived",
        "what was acknowledged is there after a power loss in the moment of the answer",
      ],
    },
  },
];
