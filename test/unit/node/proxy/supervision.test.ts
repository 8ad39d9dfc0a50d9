import test from "ava";
import { createSupervisor, type Supervisor } from "../../../../src/actors/runtime/supervisor.ts";
import type { FaultAction, FaultPort } from "../../../../src/env/faults.ts";
import type { Exec } from "../../../../src/env/host.ts";
import type { Desired } from "../../../../src/node/desired.ts";
import { proxyChild, type SupervisedProxy } from "../../../../src/node/proxy/proxy-child.ts";
import { parseIpv4Cidr } from "../../../../src/util/ipv4.ts";
import { createSimEnv, type SimEnv } from "../../../../src/sim/env.ts";

interface Rig {
  readonly env: SimEnv;
  readonly proxy: SupervisedProxy;
  readonly supervisor: Supervisor;
  readonly loads: readonly string[];
  readonly programmed: readonly number[];
  readonly escalated: readonly Error[];
}

function rig(fault: () => FaultAction): Rig {
  const env = createSimEnv({ seed: 1 });
  const faults: FaultPort = { enabled: true, at: fault };
  const loads: string[] = [];
  const exec = {
    run: async (_file: string, args: readonly string[], options: { input?: string } = {}) => {
      if (args[0] === "-f") loads.push(options.input ?? "");
      return { exitCode: 0, stdout: "table ip troupe7\n", stderr: "" };
    },
  } as unknown as Exec;
  const desired = { synced: true, revision: 5, get: () => undefined, list: () => [], onChange: () => {} } as Desired;
  const programmed: number[] = [];
  const proxy = proxyChild("/node/n1/proxy", {
    exec,
    clock: env.clock,
    log: env.log,
    faults,
    desired,
    node: "n1",
    settings: {
      table: "troupe7",
      podCidr: parseIpv4Cidr("10.42.0.0/16")!,
      serviceCidr: parseIpv4Cidr("10.43.0.0/16")!,
      nodeAddresses: [],
      dnsAddresses: [],
      podLinkPrefix: "tr",
    },
    onProgrammed: (revision) => void programmed.push(revision),
  });
  const escalated: Error[] = [];
  const supervisor = createSupervisor(
    {
      path: "/node/n1",
      strategy: "one_for_one",
      intensity: 3,
      periodMs: 60_000,
      backoff: { baseMs: 100, maxMs: 10_000, jitter: 0.2 },
    },
    { clock: env.clock, random: env.random.stream("s"), escalate: (error) => void escalated.push(error) },
    [proxy.child],
  );
  supervisor.start();
  return { env, proxy, supervisor, loads, programmed, escalated };
}

test("a proxy that meets what it does not expect is made anew, and loads the whole table", async (t) => {
  let crashes = 2;
  const { env, proxy, supervisor, loads, programmed, escalated } = rig(() => {
    crashes -= 1;
    return crashes >= 0 ? { kind: "crash" } : { kind: "none" };
  });
  await env.advance(5);
  t.like(supervisor.views()[1], { path: "/node/n1/proxy", status: "backoff", lastError: "fault injected: crash" });
  t.is(proxy.current, undefined);
  await env.advance(2_000);
  t.like(supervisor.views()[1], { restarts: 2, state: "programmed", status: "live" });
  t.is(loads.length, 1);
  t.deepEqual(programmed, [5]);
  t.deepEqual(escalated, []);
  supervisor.stop();
});

test("a transaction that fails leaves the last rules alone and is tried again, without a restart", async (t) => {
  let failing = 3;
  const { env, supervisor, loads, programmed, escalated } = rig(() => {
    failing -= 1;
    return failing >= 0 ? { kind: "error", message: "busy" } : { kind: "none" };
  });
  await env.advance(5);
  t.like(supervisor.views()[1], { state: "failed", status: "backoff", restarts: 0 });
  t.deepEqual([loads.length, programmed.length], [0, 0]);
  await env.advance(60_000);
  t.like(supervisor.views()[1], { state: "programmed", status: "live", restarts: 0 });
  t.is(loads.length, 1);
  t.deepEqual(programmed, [5]);
  t.deepEqual(escalated, []);
  supervisor.stop();
});
