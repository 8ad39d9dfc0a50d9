import type { Bug } from "../bugs.ts";

export const schedulerBugs: readonly Bug[] = [
  {
    name: "a pod may fail as often as it likes",
    file: "actors/runtime/controller-host.js",
    find: "if (!host.quarantine.fault(path, now))",
    replace: "if (now > 0)",
    caughtBy: {
      suite: "scheduler",
      tests: ["a pod that the scheduler fails on is left alone by itself, says so, and is bound when it is released"],
    },
  },
  {
    name: "a pod that is released waits for news",
    file: "actors/runtime/controller-host.js",
    find: "if (this.parked.delete(key) || isPaused)",
    replace: "if (this.parked.delete(key) && isPaused)",
    caughtBy: {
      suite: "scheduler",
      tests: ["a pod that the scheduler fails on is left alone by itself, says so, and is bound when it is released"],
    },
  },
  {
    name: "a node has room for all",
    file: "actors/scheduler/filter/resources.js",
    find: "wanted <= allocatable - (node.requested[name] ?? 0)",
    replace: "wanted <= allocatable",
    caughtBy: {
      suite: "scheduler",
      tests: [
        "a master that dies between choice and binding binds once, and no node gets more than it has",
        "news that come twice and out of order put no more on a node than it has",
        "room that becomes free while nobody tells the scheduler is used at its audit",
      ],
    },
  },
  {
    name: "news that were lost are never looked for",
    file: "actors/runtime/controller-host.js",
    find: "this.every(auditEveryMs, () => this.audit());",
    replace: "",
    caughtBy: {
      suite: "scheduler",
      tests: [
        "pods that the scheduler was never told of are found at its audit",
        "room that becomes free while nobody tells the scheduler is used at its audit",
      ],
    },
  },
  {
    name: "what is known of a pod is known for ever",
    file: "actors/scheduler/scheduler.js",
    find: "const row = podRow(view, key);",
    replace:
      "const row = (memory.rows ??= new Map(), memory.rows.get(key) ?? (memory.rows.set(key, podRow(view, key)), memory.rows.get(key)));",
    caughtBy: {
      suite: "scheduler",
      tests: [
        "news that come twice and out of order put no more on a node than it has",
        "room that becomes free while nobody tells the scheduler is used at its audit",
      ],
    },
  },
  {
    name: "a scope may fail as often as it likes",
    file: "actors/runtime/master-tree.js",
    find: "intensity: 1,",
    replace: "intensity: 1e9,",
    caughtBy: {
      suite: "scheduler",
      tests: [
        "a scheduler that crashes again within half a minute is its scope's failure: that is built anew over the same state",
      ],
    },
  },
  {
    name: "a scheduler that crashes is forgotten",
    file: "actors/runtime/controller-host.js",
    find: "            actor?.send({\n",
    replace: "            ((_) => { })({\n",
    caughtBy: {
      suite: "scheduler",
      tests: [
        "a scheduler that crashes again within half a minute is its scope's failure: that is built anew over the same state",
        "a scheduler that crashes at a message takes its scope along once; controllers and waiting pods go on",
      ],
    },
  },
  {
    name: "a pod that is gone is planned",
    file: "actors/scheduler/scheduler.js",
    find: "if (row === undefined || tier === undefined)\n        return nothing;",
    replace: "if (row !== undefined && tier === undefined)\n        return nothing;",
    caughtBy: {
      suite: "scheduler",
      tests: ["what is known of a pod when its turn comes late is what it is then, not what it was when it came"],
    },
  },
];
