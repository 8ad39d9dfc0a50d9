import type { Bug } from "../bugs.ts";

export const linkBugs: readonly Bug[] = [
  {
    name: "a lost link is not missed",
    file: "node/link/client.js",
    find: 'ref.send({ type: "lost" });',
    replace: "",
    caughtBy: {
      suite: "links",
      tests: [
        "clocks that jump make no node silent and move no grace: the leader's own time counts",
        "a link that is open at one end only is given up, and its node goes on before it is thought lost",
        "a new master gives every node a fresh grace before it thinks it lost",
        "a node that is cut off for less than its grace is neither marked nor left",
        "pods of a node that stays silent are told to leave once, behind their toleration, and are replaced once",
        "reports that a broken link has lost are told again over the next one",
        "what was deleted while a node was cut off is ended when it is back",
        "when most nodes fall silent together most are not given up, and when all do nobody is: it may be the masters that are cut off",
      ],
    },
  },
  {
    name: "a second answer is a mistake",
    file: "node/link/reports.js",
    find: "        if (pending === undefined)\n            return;\n        if (isNotNow",
    replace: "        if (isNotNow",
    caughtBy: { suite: "links", tests: ["reports and their answers that come twice count once"] },
  },
  {
    name: "a node is silent after fifteen seconds",
    file: "server/controllers.js",
    find: "nodeGraceMs = 50_000",
    replace: "nodeGraceMs = 15_000",
    caughtBy: {
      suite: "links",
      tests: [
        "a new master gives every node a fresh grace before it thinks it lost",
        "a node that is cut off for less than its grace is neither marked nor left",
        "clocks that jump make no node silent and move no grace: the leader's own time counts",
        "pods of a node that stays silent are told to leave once, behind their toleration, and are replaced once",
        "when most nodes fall silent together most are not given up, and when all do nobody is: it may be the masters that are cut off",
      ],
    },
  },
  {
    name: "tolerations are not waited for",
    file: "actors/controllers/taint-eviction.js",
    find: "if (view.now < dueAt)",
    replace: "if (view.now < 0)",
    caughtBy: {
      suite: "links",
      tests: [
        "pods of a node that stays silent are told to leave once, behind their toleration, and are replaced once",
        "when most nodes fall silent together most are not given up, and when all do nobody is: it may be the masters that are cut off",
      ],
    },
  },
  {
    name: "zones are all alike",
    file: "actors/controllers/node-lifecycle/zones.js",
    find: "if (isPartial && zone.length <= largeZoneNodesMin)",
    replace: "if (isPartial && zone.length < 0)",
    caughtBy: {
      suite: "links",
      tests: [
        "when most nodes fall silent together most are not given up, and when all do nobody is: it may be the masters that are cut off",
      ],
    },
  },
  {
    name: "nodes are given up also when all are silent",
    file: "actors/controllers/node-lifecycle/zones.js",
    find: 'if (states.every((state) => state === "full"))',
    replace: "if (states.length === 0)",
    caughtBy: {
      suite: "links",
      tests: [
        "when most nodes fall silent together most are not given up, and when all do nobody is: it may be the masters that are cut off",
      ],
    },
  },
  {
    name: "a new master counts the silence of the last one",
    file: "actors/controllers/node-lifecycle.js",
    find: "Math.max(heard, created, health.listeningSinceMs())",
    replace: "Math.max(heard, created)",
    caughtBy: { suite: "links", tests: ["a new master gives every node a fresh grace before it thinks it lost"] },
  },
  {
    name: "the cluster's time follows every clock",
    file: "actors/runtime/limits.js",
    find: "clockSlewPercent = 5",
    replace: "clockSlewPercent = 5_000_000",
    caughtBy: {
      suite: "links",
      tests: ["clocks that jump make no node silent and move no grace: the leader's own time counts"],
    },
  },
  {
    name: "a node may speak for every pod",
    file: "auth/authorizer.js",
    find: 'row.hot["nodeName"] === node',
    replace: 'row.hot["nodeName"] !== ""',
    caughtBy: {
      suite: "links",
      tests: ["a node that speaks for another one's pods is refused, and nothing of it is kept"],
    },
  },
  {
    name: "what a broken link has lost stays lost",
    file: "node/link/reports.js",
    find: "for (const pending of this.#pending.values())\n            pending.sent = false;",
    replace: "this.#pending.clear();",
    caughtBy: {
      suite: "links",
      tests: [
        "a link that is open at one end only is given up, and its node goes on before it is thought lost",
        "reports that a broken link has lost are told again over the next one",
      ],
    },
  },
  {
    name: "what a new link does not bring is kept",
    file: "node/link/desired-state.js",
    find: "if (next.get(kind)?.has(key) !== true)\n                    mark(changed, kind, key);",
    replace: ";",
    caughtBy: { suite: "links", tests: ["what was deleted while a node was cut off is ended when it is back"] },
  },
  {
    name: "a status is for whoever has the name",
    file: "api/verbs/replace.js",
    find: "checkRevision(evaluation, draft, row);\n    checkUid(evaluation, draft, old);",
    replace: "",
    caughtBy: { suite: "links", tests: ["what a node says of a pod that is gone is not said of its successor"] },
  },
];
