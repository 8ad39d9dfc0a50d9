import type { Bug } from "../bugs.ts";

export const podActorBugs: readonly Bug[] = [
  {
    name: "every pod is thought to be new to the runtime",
    file: "node/pods/pods.js",
    find: "const worker = new PodWorker(ports, last.pod, last.saved, last.isNew);",
    replace: "const worker = new PodWorker(ports, last.pod, last.saved, true);",
    caughtBy: {
      suite: "pod-actors",
      tests: [
        "a container that needs its grace has it, although its agent dies meanwhile",
        "a grace is not begun anew by an agent that dies: what ignores its signal is killed in time",
        "a pod's actor that throws is started again: its container runs on, and other pods notice nothing",
        "an agent that dies at a call of its runtime, before it or behind it, goes on from what runs",
        "an agent whose parts cannot start gives up in order; its keeper starts it again, and nothing that runs is touched",
      ],
    },
  },
  {
    name: "one start at a time",
    file: "node/simulated/node.js",
    find: "const startsAtOnceCount = 16;",
    replace: "const startsAtOnceCount = 1;",
    caughtBy: {
      suite: "pod-actors",
      tests: ["a runtime that does not answer for one pod keeps no other waiting, and is asked again"],
    },
  },
  {
    name: "a pod's actor that fails is not started again",
    file: "node/pods/pods.js",
    find: "                exit(error);",
    replace: "",
    caughtBy: {
      suite: "pod-actors",
      tests: [
        "a pod's actor that keeps throwing waits longer and longer by itself: another one's first failure is mended at once",
        "a pod's actor that throws is started again: its container runs on, and other pods notice nothing",
      ],
    },
  },
  {
    name: "pods wait for each other's failures",
    file: "node/tree.js",
    find: 'backoffBy: "child",',
    replace: 'backoffBy: "supervisor",',
    caughtBy: {
      suite: "pod-actors",
      tests: [
        "a pod's actor that keeps throwing waits longer and longer by itself: another one's first failure is mended at once",
      ],
    },
  },
  {
    name: "a step that fails is tried at once",
    file: "node/pods/pod-actor.js",
    find: "Math.min(stepRetryFirstMs * 2 ** context.failures, stepRetryMaxMs)",
    replace: "50 + 0 * context.failures",
    caughtBy: { suite: "pod-actors", tests: ["a step that the world fails is tried again after pauses that grow"] },
  },
  {
    name: "nobody looks after a pod that says nothing",
    file: "node/pods/limits.js",
    find: "resyncMs = 60_000",
    replace: "resyncMs = 6_000_000",
    caughtBy: { suite: "pod-actors", tests: ["a pod's actor that hears nothing looks by itself within a minute"] },
  },
  {
    name: "news begin a step beside the one under way",
    file: "node/pods/pod-actor.js",
    find: 'on: { changed: { actions: "keepNews" } },',
    replace: 'on: { changed: { target: "acting", reenter: true } },',
    caughtBy: {
      suite: "pod-actors",
      tests: ["news that come again and again during a step never make two steps of a pod at once"],
    },
  },
  {
    name: "an agent's parts may fail as often as they like",
    file: "node/tree.js",
    find: "intensity: 3,",
    replace: "intensity: 3e9,",
    caughtBy: {
      suite: "pod-actors",
      tests: [
        "an agent whose parts cannot start gives up in order; its keeper starts it again, and nothing that runs is touched",
      ],
    },
  },
  {
    name: "a grace is a second",
    file: "node/pods/stopper.js",
    find: "Math.max(stopGraceMinSeconds, Math.ceil(grace.remainingMs / 1_000))",
    replace: "1",
    caughtBy: {
      suite: "pod-actors",
      tests: [
        "a container that needs its grace has it, although its agent dies meanwhile",
        "a grace is not begun anew by an agent that dies: what ignores its signal is killed in time",
      ],
    },
  },
  {
    name: "a grace begins anew with the agent",
    file: "node/pods/pod-worker.js",
    find: "this.#stopBy = checkpoint?.stopBy;",
    replace: "",
    caughtBy: {
      suite: "pod-actors",
      tests: ["a grace is not begun anew by an agent that dies: what ignores its signal is killed in time"],
    },
  },
  {
    name: "the pauses of a crash loop begin anew with the agent",
    file: "node/pods/pod-worker.js",
    find: "this.#backOff = { ...checkpoint?.backOff };",
    replace: "this.#backOff = {};",
    caughtBy: {
      suite: "pod-actors",
      tests: ["the pauses of a container that keeps ending grow, and an agent that dies does not forget them"],
    },
  },
  {
    name: "the pauses of a crash loop do not grow",
    file: "node/pods/back-off.js",
    find: "Math.min(entry.delayMs * 2, crashBackOffMaxMs)",
    replace: "entry.delayMs",
    caughtBy: {
      suite: "pod-actors",
      tests: ["the pauses of a container that keeps ending grow, and an agent that dies does not forget them"],
    },
  },
  {
    name: "what the masters no longer know runs on",
    file: "node/pods/pods.js",
    find: "for (const uid of entries.keys())\n            if (!wanted.has(uid))\n                unwant(uid);",
    replace: "",
    caughtBy: {
      suite: "pod-actors",
      tests: ["a pod that is removed while its node hears late of it does not run on under its successor's name"],
    },
  },
  {
    name: "an ended pod's containers are started again",
    file: "node/pods/actions.js",
    find: "if (isTerminalPhase(pod.status?.phase))",
    replace: 'if (pod.status?.phase === "Failed")',
    caughtBy: { suite: "pod-actors", tests: ["a pod that has ended never runs again, whatever its agent forgets"] },
  },
  {
    name: "a lost link is not missed",
    file: "node/link/client.js",
    find: 'ref.send({ type: "lost" });',
    replace: "",
    caughtBy: {
      suite: "pod-actors",
      tests: ["an agent that stood still while its pods were replaced ends them when it wakes, and spoils nothing"],
    },
  },
  {
    name: "what fails to start is not told",
    file: "node/pods/starter.js",
    find: '        note(ports, pod, container, { type: "Warning", reason: "Failed", message: `Error: ${message}` });\n        throw new StartError("CreateContainerError"',
    replace: '        throw new StartError("CreateContainerError"',
    caughtBy: { suite: "pod-actors", tests: ["a start that fails is told by an Event, and tried again after a pause"] },
  },
  {
    name: "a call without an answer has failed",
    file: "node/cri/cri.js",
    find: 'return error instanceof CriError && (error.kind === "unavailable" || error.kind === "timeout");',
    replace: "return error === CriError;",
    caughtBy: {
      suite: "pod-actors",
      tests: ["a call that happened although its answer was lost makes no second container"],
    },
  },
];
