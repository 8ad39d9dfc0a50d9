import test from "ava";
import type { Pod, PodStatus } from "../../../../src/kinds/generated/types.ts";
import type { KubeObject } from "../../../../src/kinds/kind.ts";
import type { Reporter } from "../../../../src/node/desired.ts";
import { StatusWriter } from "../../../../src/node/pods/status-writer.ts";
import { createSimEnv } from "../../../../src/sim/env.ts";

const ready = (status: "True" | "False"): PodStatus => ({ phase: "Running", conditions: [{ type: "Ready", status }] });
const podAt = (revision: number, status: PodStatus): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web",
    namespace: "default",
    uid: "u",
    resourceVersion: String(revision),
    creationTimestamp: "2026-01-01T00:00:00Z",
  },
  spec: { containers: [] },
  status,
});

/** A writer whose answers come when the test gives them. */
function setUp() {
  const env = createSimEnv({ seed: 1 });
  const asked: { readonly status: PodStatus; readonly answer: (pod: Pod) => void }[] = [];
  const report: Reporter["report"] = ({ object }) =>
    new Promise((resolve) =>
      asked.push({
        status: (object as unknown as Pod).status!,
        answer: (pod) => resolve(pod as unknown as KubeObject),
      }),
    );
  const writer = new StatusWriter(podAt(1, {}), { clock: env.clock, log: env.log, reporter: { report } as Reporter });
  return { env, asked, writer };
}

test("where somebody else has written over a status, it is said again", async (t) => {
  const { env, asked, writer } = setUp();
  writer.want(ready("True"));
  asked[0]!.answer(podAt(2, ready("True")));
  await env.advance(1);
  t.is(asked.length, 1);
  writer.see(podAt(3, ready("False")));
  t.deepEqual(asked[1]?.status, ready("True"));
});

test("also where the other's row comes before the answer to our own write", async (t) => {
  const { env, asked, writer } = setUp();
  writer.want(ready("True"));
  writer.see(podAt(3, ready("False")));
  asked[0]!.answer(podAt(2, ready("True")));
  await env.advance(1);
  t.is(asked.length, 2);
  t.deepEqual(asked[1]?.status, ready("True"));
  asked[1]!.answer(podAt(4, ready("True")));
  await env.advance(1);
  t.is(asked.length, 2);
});
