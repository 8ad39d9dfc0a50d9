// A probe's answer that comes after its container has ended says nothing about the next one.
import test from "ava";
import type { Pod } from "../../../../src/kinds/generated/types.ts";
import type { ContainerFact, PodSnapshot } from "../../../../src/node/pods/model.ts";
import type { ProbeAnswer } from "../../../../src/node/probes/prober.ts";
import { createProbeSupervisor } from "../../../../src/node/probes/probes.ts";
import { createSimEnv } from "../../../../src/sim/env.ts";

const probe = { httpGet: { path: "/", port: 80 }, periodSeconds: 1, failureThreshold: 1 };
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: "" },
  spec: { containers: [{ name: "app", image: "i", livenessProbe: probe, readinessProbe: probe }] },
} as Pod;

const attempt = (id: string): PodSnapshot =>
  ({ containers: [{ id, name: "app", state: "running", startedAt: 0 } as ContainerFact], sandboxes: [] }) as never;

test("the late failure of an old attempt neither kills nor unreadies the new one", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const open: { readonly id: string; readonly answer: (answer: ProbeAnswer) => void }[] = [];
  const probes = createProbeSupervisor({
    clock: env.clock,
    rng: env.random.stream("probes"),
    log: env.log,
    events: { record: () => {} } as never,
    prober: {
      probe: ({ containerId }) =>
        new Promise<ProbeAnswer>((resolve) => void open.push({ id: containerId, answer: resolve })),
    },
  });
  probes.sync(pod, attempt("old"));
  await env.advance(3_000);
  const late = open.splice(0);
  t.deepEqual([...new Set(late.map(({ id }) => id))], ["old"]);
  probes.sync(pod, attempt("new"));
  await env.advance(3_000);
  for (const { id, answer } of open.splice(0)) {
    t.is(id, "new");
    answer({ kind: "success", message: "" });
  }
  await env.advance(100);
  for (const { answer } of late) answer({ kind: "failure", message: "too late" });
  await env.advance(100);
  t.is(probes.results.liveness("new"), "success");
  t.is(probes.results.readiness("new"), "success");
  probes.stop("u");
});
