import type { Bug } from "../bugs.ts";

export const timerBugs: readonly Bug[] = [
  {
    name: "a controller does not wake for what is due",
    file: "actors/runtime/controller-keys.js",
    find: "if (delayMs !== undefined)\n                later(wakes",
    replace: "if (delayMs !== undefined && delayMs < 0)\n                later(wakes",
    caughtBy: {
      suite: "timers",
      tests: [
        "Events go after an hour, also those that a dead master was to remove",
        "a clock that jumps ahead makes nothing run out early",
        "a pod counts as available when it was ready long enough, not when the news of it came twice or late",
        "a rollout that gets nowhere is said to at its deadline, although its controller crashes and is told everything twice",
        "a toleration that runs out does so once and in time, although the master dies on the way",
        "a toleration's time is not begun anew by a controller that crashes",
      ],
    },
  },
  {
    name: "a toleration counts from now",
    file: "actors/controllers/taint-eviction.js",
    find: "if (view.now < dueAt)\n        return { writes: [], wakeAt: dueAt };",
    replace: "if (dueAt - view.now > 1_000)\n        return { writes: [], wakeAt: view.now + 61_000 };",
    caughtBy: {
      suite: "timers",
      tests: [
        "a clock that jumps ahead makes nothing run out early",
        "a toleration that runs out does so once and in time, although the master dies on the way",
        "a toleration's time is not begun anew by a controller that crashes",
      ],
    },
  },
  {
    name: "the cluster's time follows every clock",
    file: "actors/runtime/limits.js",
    find: "clockSlewPercent = 5",
    replace: "clockSlewPercent = 5_000_000",
    caughtBy: { suite: "timers", tests: ["a clock that jumps ahead makes nothing run out early"] },
  },
  {
    name: "a rollout's deadline wakes nobody",
    file: "actors/controllers/deployment.js",
    find: "...(isDue ? { wakeAt: deadline + 1 } : {})",
    replace: "...{}",
    caughtBy: {
      suite: "timers",
      tests: [
        "a rollout that gets nowhere is said to at its deadline, although its controller crashes and is told everything twice",
      ],
    },
  },
  {
    name: "a pod is available once it is ready",
    file: "actors/controllers/replicaset.js",
    find: "(availableFrom(pod, minReady) ?? Infinity) <= now",
    replace: "(availableFrom(pod, 0) ?? Infinity) <= now",
    caughtBy: {
      suite: "timers",
      tests: ["a pod counts as available when it was ready long enough, not when the news of it came twice or late"],
    },
  },
  {
    name: "nobody looks when a pod has been ready long enough",
    file: "actors/controllers/replicaset.js",
    find: "nextAvailable(set, pods, view.now) ?? Infinity",
    replace: "Infinity",
    caughtBy: {
      suite: "timers",
      tests: ["a pod counts as available when it was ready long enough, not when the news of it came twice or late"],
    },
  },
  {
    name: "Events stay",
    file: "actors/controllers/event-ttl.js",
    find: "if (view.now < dueAt)",
    replace: "if (view.now < dueAt + 36e5)",
    caughtBy: { suite: "timers", tests: ["Events go after an hour, also those that a dead master was to remove"] },
  },
  {
    name: "a pod's deadline is not looked at",
    file: "node/pods/pod-worker.js",
    find: "        this.#judgeDeadline();\n",
    replace: "",
    caughtBy: {
      suite: "timers",
      tests: ["a pod's own deadline is met while its agent is dead, and the pod ends once"],
    },
  },
  {
    name: "a link that breaks is dialled at once",
    file: "node/link/client.js",
    find: "Math.min(context.delayMs * 2, reconnectMaxMs)",
    replace: "1",
    caughtBy: {
      suite: "timers",
      tests: [
        "a link that is reset again and again is dialled with pauses between, neither at once nor ever more rarely",
      ],
    },
  },
  {
    name: "a link that breaks waits ever longer",
    file: "node/link/limits.js",
    find: "reconnectMaxMs = 1_000",
    replace: "reconnectMaxMs = 1_000_000",
    caughtBy: {
      suite: "timers",
      tests: [
        "a link that is reset again and again is dialled with pauses between, neither at once nor ever more rarely",
      ],
    },
  },
];
