import { endOnSignals, unlessEnding } from "./support/ending.ts";

import { disposeMachines } from "../test/live/support/machine.ts";

// `npm run bench -- NAME`: each bench prints what it does and ends with one line of JSON.
const benches: Readonly<Record<string, () => Promise<{ readonly run: () => Promise<object> }>>> = {
  failover: () => import("./failover.ts"),
  fork: () => import("./fork.ts"),
  overload: () => import("./overload.ts"),
  pods: () => import("./pods.ts"),
  proxy: () => import("./proxy.ts"),
  raft: () => import("./raft.ts"),
  read: () => import("./read.ts"),
  server: () => import("./server.ts"),
  start: () => import("./start.ts"),
  story: () => import("./story.ts"),
  up: () => import("./up.ts"),
  watch: () => import("./watch.ts"),
  write: () => import("./write.ts"),
};

endOnSignals();
const name = process.argv[2];
const load = name === undefined ? undefined : benches[name];
if (load === undefined) {
  process.stderr.write(`usage: npm run bench -- NAME\nbenches: ${Object.keys(benches).join(", ")}\n`);
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => void disposeMachines().finally(() => process.exit(130)));
}
const bench = await load();
process.stdout.write(`${JSON.stringify(await bench.run().catch(unlessEnding))}\n`);
