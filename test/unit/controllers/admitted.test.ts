import test from "ava";
import type { Deployment, Node, Pod, Service } from "../../../src/kinds/generated/types.ts";
import type { Draft, KindId, KubeObject } from "../../../src/kinds/kind.ts";
import type { Transaction, WriteRequest } from "../../../src/actors/runtime/command.ts";
import type { Plan } from "../../../src/actors/runtime/controller.ts";
import type { Rng } from "../../../src/env/env.ts";
import { createControllers } from "../../../src/actors/controllers/catalogue.ts";
import { requestOf } from "../../../src/actors/runtime/plan-writes.ts";
import { createScheduler } from "../../../src/actors/scheduler/scheduler.ts";
import { createDecide } from "../../../src/api/decide.ts";
import { namespaceLifecycle } from "../../../src/api/admission/namespace-lifecycle.ts";
import { createServiceAllocation } from "../../../src/api/admission/service-allocation.ts";
import { kinds } from "../../../src/kinds/catalogue.ts";
import { start, World } from "./harness.ts";
import { deploymentDraft, kubelet, setImage } from "./objects.ts";

/** A world whose writes pass the API's own preparation, admission and validation. */
class AdmittedWorld extends World {
  private readonly decide = createDecide({ kinds, admission: [namespaceLifecycle, createServiceAllocation()] });
  private draws = 0;

  request(request: Omit<WriteRequest, "user">): void {
    this.decide(this.transaction(), { ...request, user: { name: "test", groups: ["system:masters"] } });
  }

  override apply(plan: Plan): void {
    const by = { name: "test", source: "test", watches: [], writes: [], plan: () => ({ writes: [] }) };
    for (const write of plan.writes) this.decide(this.transaction(), requestOf(by, write));
    this.notes.push(...(plan.notes ?? []));
  }

  private transaction(): Transaction {
    const current = () => this.view();
    const next = (): number => (this.draws += 1);
    const random: Rng = {
      u32: next,
      below: (bound: number) => next() % bound,
      uuid: () => `00000000-0000-4000-8000-${String(next()).padStart(12, "0")}`,
      bytes: (length: number) => Uint8Array.from({ length }, () => next() & 255),
    };
    return {
      now: this.now,
      random,
      get revision() {
        return current().revision;
      },
      get: (kind, namespace, name) => current().get(kind, namespace, name),
      list: (kind, options) => current().list(kind, options),
      index: (kind, index, value) => current().index(kind, index, value),
      put: (kind: KindId, draft: Draft) => this.store(kind, draft as unknown as KubeObject),
      remove: (kind, namespace, name) => {
        this.drop(kind, namespace, name);
        return this.revision;
      },
      note: (note) => this.notes.push(note),
    };
  }
}

test("what controllers write passes the API, from an empty store to a Deployment that serves and rolls", (t) => {
  const world = new AdmittedWorld();
  const controllers = [
    ...createControllers({
      kinds,
      api: {
        clusterIp: "10.43.0.1",
        servicePort: 443,
        masters: () => [{ address: "192.168.7.1", port: 6443 }],
      },
      certificate: () => "PEM",
      pods: { clusterCidr: "10.42.0.0/16", serviceCidr: "10.43.0.0/16" },
      nodes: { lastHeard: () => ({ atMs: world.now }), listeningSinceMs: () => start, graceMs: 50_000 },
    }),
    createScheduler(),
  ];
  const create = (kind: string, object: Draft): void => {
    const { namespace = "", name = "" } = object.metadata;
    world.request({ verb: "create", kind, namespace, name, object });
  };
  world.settle(controllers);
  t.is(world.get<Service>("services", "default", "kubernetes").spec.clusterIP, "10.43.0.1");
  create("nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "n1" }, spec: {} });
  world.setStatus("nodes", world.get<Node>("nodes", "", "n1"), {
    allocatable: { cpu: "4", memory: "8Gi", pods: "110" },
    conditions: [{ type: "Ready", status: "True" }],
  });
  const draft = deploymentDraft("web", { replicas: 3 });
  create("deployments.apps", draft);
  create("services", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
  });
  const live = (): void => {
    for (let round = 0; round < 50; round += 1) {
      world.settle(controllers);
      if (!kubelet(world, (pod) => (pod.spec.nodeName ?? "") !== "")) return;
      for (const [at, pod] of world.all<Pod>("pods").entries()) {
        if (pod.status?.podIP === undefined && pod.status?.phase === "Running") {
          const ip = `10.42.0.${at + 2}`;
          world.setStatus("pods", pod, { ...pod.status, podIP: ip, podIPs: [{ ip }] });
        }
      }
    }
    t.fail("never settles");
  };
  live();
  t.is(world.get<Node>("nodes", "", "n1").spec.podCIDR, "10.42.0.0/24");
  t.is(world.get<Deployment>("deployments.apps", "default", "web").status?.availableReplicas, 3);
  // The edit lacks the API's defaults, as an object of an older version would.
  world.edit<Deployment>("deployments.apps", world.get("deployments.apps", "default", "web"), setImage("image:2"));
  live();
  const web = world.get<Deployment>("deployments.apps", "default", "web");
  t.is(web.status?.updatedReplicas, 3);
  t.is(web.status?.availableReplicas, 3);
  t.deepEqual(world.restless(controllers), []);
});
