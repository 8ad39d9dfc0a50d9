import type { Bug } from "../bugs.ts";

export const proxyBugs: readonly Bug[] = [
  {
    name: "a proxy that was refused tries again at once",
    file: "node/proxy/proxy.js",
    find: "Math.min(this.#retryMs * 2, proxyLimits.retryMaxMs)",
    replace: "50",
    caughtBy: {
      suite: "proxy",
      tests: ["rules that the kernel refuses leave the last good ones; they are tried again after pauses that grow"],
    },
  },
  {
    name: "a proxy that was refused gives up",
    file: "node/proxy/proxy.js",
    find: 'this.#actor.send("RETRY");\n            void this.#flush();',
    replace: "",
    caughtBy: {
      suite: "proxy",
      tests: ["rules that the kernel refuses leave the last good ones; they are tried again after pauses that grow"],
    },
  },
  {
    name: "a proxy that crashed is not made anew",
    file: "node/proxy/proxy-child.js",
    find: "                        exit(error);",
    replace: "",
    caughtBy: {
      suite: "proxy",
      tests: ["a proxy that crashes is made anew and loads the whole table; the rules stand meanwhile"],
    },
  },
  {
    name: "a proxy that is made anew thinks that it knows the table",
    file: "node/proxy/proxy.js",
    find: "#known = false;\n    #busy",
    replace: "#known = true;\n    #busy",
    caughtBy: {
      suite: "proxy",
      tests: [
        "a proxy that crashes is made anew and loads the whole table; the rules stand meanwhile",
        "a proxy whose agent died learns of what changed meanwhile, and leads nobody to what is gone",
      ],
    },
  },
  {
    name: "a pod that goes waits for no proxy",
    file: "node/gate.js",
    find: "return newest <= link.proxied();",
    replace: "return true;",
    caughtBy: {
      suite: "proxy",
      tests: ["a pod that goes is stopped when every proxy has taken it out, or after two seconds where one cannot"],
    },
  },
  {
    name: "a pod that goes waits for proxies as long as they like",
    file: "node/pods/limits.js",
    find: "gateWaitMaxMs = 2_000",
    replace: "gateWaitMaxMs = 200_000",
    caughtBy: {
      suite: "proxy",
      tests: ["a pod that goes is stopped when every proxy has taken it out, or after two seconds where one cannot"],
    },
  },
  {
    name: "a table that is gone is not missed",
    file: "node/proxy/proxy.js",
    find: "if (present || !this.#known || this.#busy)",
    replace: "if (!present || this.#busy || !this.#known)",
    caughtBy: { suite: "proxy", tests: ["rules that someone flushes are back within half a minute"] },
  },
];
