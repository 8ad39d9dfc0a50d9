import type { Bug } from "../bugs.ts";

export const masterBugs: readonly Bug[] = [
  {
    name: "a command is evaluated again by the next leader",
    file: "actors/runtime/host.js",
    find: "const known = job.request && results.get(this.jobs.originOf(job));",
    replace: "const known = undefined;",
    caughtBy: {
      suite: "masters",
      tests: [
        "commands, answers and appends that come twice and overtake each other happen and count once",
        "messages between masters that are lost are missed by nobody",
      ],
    },
  },
  {
    name: "what is not answered is not asked again",
    file: "actors/runtime/forwarding.js",
    find: "this.#arm(forwardAgainMs);",
    replace: "",
    caughtBy: {
      suite: "masters",
      tests: [
        "a leader that hears the others and is not heard steps down; it acknowledges nothing meanwhile",
        "messages between masters that are lost are missed by nobody",
      ],
    },
  },
  {
    name: "a leader without a quorum goes on",
    file: "raft/core/step.js",
    find: 'if (countVotes(state.configs.current, heard) !== "won")',
    replace: "if (heard.size === 0)",
    caughtBy: {
      suite: "masters",
      tests: [
        "a leader that is cut off leaves no effect of its term: what its controllers had decided is the next one's to decide",
      ],
    },
  },
  {
    name: "a leader that steps down keeps what it had decided",
    file: "actors/runtime/host.js",
    find: "this.options.store.rollback();",
    replace: "",
    caughtBy: {
      suite: "masters",
      tests: [
        "a leader that hears the others and is not heard steps down; it acknowledges nothing meanwhile",
        "a leader that is cut off leaves no effect of its term: what its controllers had decided is the next one's to decide",
      ],
    },
  },
  {
    name: "a watch begins behind what it missed",
    file: "store/history.js",
    find: "next: this.#firstAfter(from)",
    replace: "next: this.#firstAfter(from + 1)",
    caughtBy: {
      suite: "masters",
      tests: [
        "a watch that broke with its master goes on at the next revision: nothing is missing and nothing comes twice",
      ],
    },
  },
  {
    name: "a watch begins with what it has seen",
    file: "store/history.js",
    find: "next: this.#firstAfter(from)",
    replace: "from: from - 1, next: this.#firstAfter(from - 1)",
    caughtBy: {
      suite: "masters",
      tests: [
        "a watch that broke with its master goes on at the next revision: nothing is missing and nothing comes twice",
      ],
    },
  },
  {
    name: "a restart loses the last entry",
    file: "raft/wake.js",
    find: "entries.filter((entry) => entry.index > index)",
    replace: "entries.filter((entry) => entry.index > index).slice(0, -1)",
    caughtBy: {
      suite: "masters",
      tests: [
        "a disk that is full for a moment delays a write, and ends nobody",
        "a watch that broke with its master goes on at the next revision: nothing is missing and nothing comes twice",
      ],
    },
  },
  {
    name: "a disk that fails is believed",
    file: "raft/wal.js",
    find: 'if (codeOf(error) !== "ENOSPC" || this.#isClosing) {\n                    this.#fail(error);\n                    return false;\n                }',
    replace: 'if (codeOf(error) !== "ENOSPC" || this.#isClosing)\n                    return true;',
    caughtBy: {
      suite: "masters",
      tests: ["a disk that fails ends its master before anything is acknowledged on it; the next one answers"],
    },
  },
  {
    name: "a full disk ends the master",
    file: "raft/wal.js",
    find: 'if (codeOf(error) !== "ENOSPC" || this.#isClosing) {',
    replace: 'if (codeOf(error) !== "") {',
    caughtBy: { suite: "masters", tests: ["a disk that is full for a moment delays a write, and ends nobody"] },
  },
  {
    name: "a follower reads what it has",
    file: "actors/runtime/answers.js",
    find: "    barrier() {\n",
    replace: "    barrier() {\n        if (this !== undefined)\n            return Promise.resolve();\n",
    caughtBy: { suite: "masters", tests: ["a follower that hears late answers no read with what is old"] },
  },
  {
    name: "a scope that gives up leads on",
    file: "actors/runtime/master-tree.js",
    find: "handOver?.();",
    replace: ";",
    caughtBy: { suite: "masters", tests: ["a leader whose scope keeps failing hands over to another master"] },
  },
  {
    name: "a command that a dead leader had is refused",
    file: "actors/runtime/forwarding.js",
    find: "if (job.decided !== undefined && job.sent?.term !== term)\n                this.#options.abandoned(job);",
    replace:
      'if (job.sent !== undefined && job.sent.term !== term) {\n                job.state = "settled";\n                job.failed(new Error("the leader died"));\n            }',
    caughtBy: {
      suite: "masters",
      tests: [
        "a leader that dies under load loses no write and does none twice; clients of the others see a pause",
        "a disk that fails ends its master before anything is acknowledged on it; the next one answers",
        "a watch at a follower goes on over the leader's death: nothing is missing, doubled or out of order",
        "whatever point of a write the leader dies at, its client at another master is answered once, with what holds",
      ],
    },
  },
  {
    name: "a watch tells everything twice",
    file: "store/history.js",
    find: "this.#sink.events(batch);",
    replace: "this.#sink.events([...batch, ...batch]);",
    caughtBy: {
      suite: "masters",
      tests: [
        "a watch at a follower goes on over the leader's death: nothing is missing, doubled or out of order",
        "a watch that broke with its master goes on at the next revision: nothing is missing and nothing comes twice",
      ],
    },
  },
  {
    name: "a dead leader is missed late",
    file: "raft/core/settings.js",
    find: "rankStaggerMs: 300,\n    electionJitterMs: 50,\n    linkDownStaggerMs: 25,",
    replace: "rankStaggerMs: 8_000,\n    electionJitterMs: 50,\n    linkDownStaggerMs: 8_000,",
    caughtBy: {
      suite: "masters",
      tests: ["a leader that hears the others and is not heard steps down; it acknowledges nothing meanwhile"],
    },
  },
  {
    name: "a restart reads its last entry twice",
    file: "raft/wake.js",
    find: "entries: entries.filter((entry) => entry.index > index)",
    replace:
      "entries: entries.flatMap((entry, at) => entry.index <= index ? [] : at === entries.length - 1 ? [entry, entry] : [entry])",
    caughtBy: {
      suite: "masters",
      tests: [
        "a disk that fails ends its master before anything is acknowledged on it; the next one answers",
        "a disk that is full for a moment delays a write, and ends nobody",
        "a watch that broke with its master goes on at the next revision: nothing is missing and nothing comes twice",
      ],
    },
  },
  {
    name: "a command is handed in once",
    file: "actors/runtime/forwarding.js",
    find: "job.sent = { term, atMs: now };",
    replace:
      'if (job.sent !== undefined) {\n            job.state = "settled";\n            return job.failed(new Error("the leader died"));\n        }\n        job.sent = { term, atMs: now };',
    caughtBy: {
      suite: "masters",
      tests: [
        "a leader that dies under load loses no write and does none twice; clients of the others see a pause",
        "a leader that hears the others and is not heard steps down; it acknowledges nothing meanwhile",
        "messages between masters that are lost are missed by nobody",
      ],
    },
  },
];
