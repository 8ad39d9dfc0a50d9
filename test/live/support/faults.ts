/** Faults of a live cluster, by plain kubectl: made, waited for, and asked what they hit. */
import type { Fault, FaultSpec, FaultStatus } from "../../../src/kinds/generated/types.ts";
import { until, waiting, type Machine } from "./machine.ts";

export type Spec = Partial<FaultSpec> & { readonly kind: string };

export async function apply(machine: Machine, object: object): Promise<void> {
  const ran = await machine.run("kubectl", ["apply", "-f", "-"], { input: JSON.stringify(object) });
  if (ran.code !== 0) throw new Error(ran.stderr);
}

/** Answers once the fault is at work or over: every target has said so. */
export async function inject(machine: Machine, name: string, spec: Spec): Promise<void> {
  await apply(machine, { apiVersion: "faults.troupe.dev/v1", kind: "Fault", metadata: { name }, spec });
  await until(`${name} has begun`, async () => {
    const { phase = "", targets = [] } = await statusOf(machine, name);
    return phase === "Ended" || (phase === "Active" && targets.length > 0);
  });
}

export async function statusOf(machine: Machine, name: string): Promise<FaultStatus> {
  return (JSON.parse(await machine.kubectl("get", "fault", name, "-o", "json")) as Fault).status ?? {};
}

/** Answers once it has hit something; it may go on. */
export async function hit(machine: Machine, name: string): Promise<void> {
  await until(`${name} has hit`, async () => ((await statusOf(machine, name)).hits ?? 0) > 0);
}

/** Its status once it is over and has hit something. */
export async function over(machine: Machine, name: string, withinMs = 120_000): Promise<FaultStatus> {
  let status: FaultStatus = {};
  await until(
    `${name} is over`,
    async () => {
      status = await statusOf(machine, name);
      return status.phase === "Ended" && (status.hits ?? 0) > 0;
    },
    withinMs,
  );
  return status;
}

export function podOf(name: string, more: { readonly labels?: object; readonly spec?: object } = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: more.labels ?? { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "main", image: "localhost/troupe/busybox:1", command: ["sh", "-c", waiting] }],
      ...more.spec,
    },
  };
}
