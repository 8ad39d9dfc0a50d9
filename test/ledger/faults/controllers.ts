import type { Bug } from "../bugs.ts";

export const controllerBugs: readonly Bug[] = [
  {
    name: "lost triggers are never looked for",
    file: "actors/runtime/controller-host.js",
    find: "this.every(auditEveryMs, () => this.audit());",
    replace: "",
    caughtBy: {
      suite: "controllers",
      tests: [
        "controllers that hear of nothing find at their next audit what there is to do",
        "when faults are over and all has come to its end, nobody writes any more",
      ],
    },
  },
  {
    name: "a key that comes first takes the others' places",
    file: "actors/runtime/controller-keys.js",
    find: "dirty.add(other);",
    replace: "dirty.delete(other);",
    caughtBy: { suite: "controllers", tests: ["triggers that come twice and in another order lead to the same end"] },
  },
  {
    name: "a failing key waits no longer than the first time",
    file: "actors/runtime/controller-keys.js",
    find: "backoffBaseMs * 2 ** count",
    replace: "backoffBaseMs",
    caughtBy: {
      suite: "controllers",
      tests: [
        "a key whose plan throws waits longer after each failure, and keeps no other key waiting",
        "an owner whose children are refused says so, waits, and makes them when nothing refuses them any more",
      ],
    },
  },
  {
    name: "a key may fail as often as it likes",
    file: "actors/runtime/controller-host.js",
    find: "if (!host.quarantine.fault(path, now))",
    replace: "if (now > 0)",
    caughtBy: {
      suite: "controllers",
      tests: [
        "a key that keeps failing is left alone, says so at its object, and is planned at once when it is released",
        "a key that was left alone is tried again by itself after five minutes",
      ],
    },
  },
  {
    name: "a key that was left alone is never tried again",
    file: "actors/runtime/controller-host.js",
    find: "this.every(quarantineProbeMs, () => this.probe());",
    replace: "",
    caughtBy: {
      suite: "controllers",
      tests: ["a key that was left alone is tried again by itself after five minutes"],
    },
  },
  {
    name: "a controller that crashes takes its siblings along",
    file: "actors/runtime/controller-host.js",
    find: 'strategy: "one_for_one",\n        intensity: 10',
    replace: 'strategy: "one_for_all",\n        intensity: 10',
    caughtBy: {
      suite: "controllers",
      tests: [
        "a controller that crashes at a message is started again by its supervisor, and misses nothing; its siblings go on",
      ],
    },
  },
  {
    name: "what cannot start is started again at once",
    file: "actors/runtime/supervisor.js",
    find: "baseMs * 2 ** (failures - 1)",
    replace: "0 * failures",
    caughtBy: {
      suite: "controllers",
      tests: [
        "a controller that cannot start is tried again after pauses that grow",
        "controllers that all fail are no longer restarted one by one: their scope fails, then the process, and its next life converges",
      ],
    },
  },
  {
    name: "restarts are not counted",
    file: "actors/runtime/controller-host.js",
    find: "intensity: 10,",
    replace: "intensity: 10e9,",
    caughtBy: {
      suite: "controllers",
      tests: [
        "controllers that all fail are no longer restarted one by one: their scope fails, then the process, and its next life converges",
      ],
    },
  },
  {
    name: "an owner is whoever has the name",
    file: "actors/controllers/garbage-collector/owners.js",
    find: "return row?.hot.uid === reference.uid ? row : undefined;",
    replace: "return row;",
    caughtBy: {
      suite: "controllers",
      tests: ["the collector takes an owner for what it is, not for its name: children go with their own"],
    },
  },
  {
    name: "a key whose plan threw is dropped",
    file: "actors/runtime/controller-host.js",
    find: "        this.backOff(key, message);\n        if (!host",
    replace: "        if (!host",
    caughtBy: {
      suite: "controllers",
      tests: [
        "a collector whose plans throw leaves no orphan behind",
        "a key that keeps failing is left alone, says so at its object, and is planned at once when it is released",
        "a key that was left alone is tried again by itself after five minutes",
        "a key whose plan throws waits longer after each failure, and keeps no other key waiting",
        "a namespace that ends while its controller fails and the master dies goes as a whole, and not before what is in it",
        "a rollout keeps within its bounds while plans throw, triggers come late and the master dies",
      ],
    },
  },
  {
    name: "a rollout forgets what may be unavailable",
    file: "actors/controllers/deployment/rollout.js",
    find: "const availableMin = bounds.replicas - bounds.unavailable;",
    replace: "const availableMin = 0;",
    caughtBy: {
      suite: "controllers",
      tests: ["a rollout keeps within its bounds while plans throw, triggers come late and the master dies"],
    },
  },
  {
    name: "a rollout surges as it likes",
    file: "actors/controllers/deployment/rollout.js",
    find: "const room = bounds.replicas + bounds.surge - total;",
    replace: "const room = bounds.replicas + 3 * bounds.surge - total;",
    caughtBy: {
      suite: "controllers",
      tests: ["a rollout keeps within its bounds while plans throw, triggers come late and the master dies"],
    },
  },
  {
    name: "a namespace goes before what is in it",
    file: "actors/controllers/namespace.js",
    find: "if (contents.length > 0) {",
    replace: "if (contents.length > 50) {",
    caughtBy: {
      suite: "controllers",
      tests: [
        "a namespace that ends while its controller fails and the master dies goes as a whole, and not before what is in it",
      ],
    },
  },
  {
    name: "pods of a silent node stay ready",
    file: "actors/controllers/node-lifecycle.js",
    find: "if (pods.writes.length > 0)",
    replace: "if (pods.writes.length > 1e9)",
    caughtBy: {
      suite: "controllers",
      tests: [
        "pods of a node that is silent take no traffic, although all that their Service's controllers hear comes twice",
      ],
    },
  },
  {
    name: "an owner keeps to itself that its children are refused",
    file: "actors/runtime/controller-host.js",
    find: "if (refused === undefined)",
    replace: "if (refused !== null)",
    caughtBy: {
      suite: "controllers",
      tests: ["an owner whose children are refused says so, waits, and makes them when nothing refuses them any more"],
    },
  },
  {
    name: "a node's range may be another's",
    file: "actors/controllers/node-ipam.js",
    find: "const used = services === undefined ? taken :",
    replace: "const used = services === undefined ? taken : taken.length > 3 ? [services] :",
    caughtBy: {
      suite: "controllers",
      tests: [
        "nodes that join together get ranges of their own, although their controller fails and the master dies in between",
      ],
    },
  },
  {
    name: "a set that is too large stays so",
    file: "actors/controllers/replicaset.js",
    find: "if (missing < 0) {",
    replace: "if (missing < -4) {",
    caughtBy: {
      suite: "controllers",
      tests: [
        "triggers that come late plan what is wanted by then, not what was wanted when they were sent",
        "a rollout keeps within its bounds while plans throw, triggers come late and the master dies",
      ],
    },
  },
  {
    name: "a controller that crashes is forgotten",
    file: "actors/runtime/controller-host.js",
    find: "            actor?.send({\n",
    replace: "            ((_) => { })({\n",
    caughtBy: {
      suite: "controllers",
      tests: [
        "a controller that cannot start is tried again after pauses that grow",
        "a controller that crashes at a message is started again by its supervisor, and misses nothing; its siblings go on",
      ],
    },
  },
  {
    name: "a restart reads its last entry twice",
    file: "raft/wake.js",
    find: "entries: entries.filter((entry) => entry.index > index)",
    replace:
      "entries: entries.flatMap((entry, at) => entry.index <= index ? [] : at === entries.length - 1 ? [entry, entry] : [entry])",
    caughtBy: {
      suite: "controllers",
      tests: [
        "a namespace that ends while its controller fails and the master dies goes as a whole, and not before what is in it",
        "a rollout keeps within its bounds while plans throw, triggers come late and the master dies",
        "controllers that all fail are no longer restarted one by one: their scope fails, then the process, and its next life converges",
        "nodes that join together get ranges of their own, although their controller fails and the master dies in between",
        "whichever entry of a rollout the master dies at, no pod is made twice",
      ],
    },
  },
];
