import { Server, ServerCredentials } from "@grpc/grpc-js";
import test from "ava";
import type { HostNet } from "../../../../src/env/host.ts";
import type { Container, Probe } from "../../../../src/kinds/generated/types.ts";
import { CriError } from "../../../../src/node/cri/cri.ts";
import { createGrpcHealth } from "../../../../src/node/probes/grpc-health.ts";
import type { ProbeAnswer } from "../../../../src/node/probes/prober.ts";
import { createProber } from "../../../../src/node/probes/prober.ts";
import { nodeStatus } from "../../../../src/node/status/node-object.ts";
import type { Health, MachineFacts } from "../../../../src/node/status/node-object.ts";
import { createFakeCri } from "../../../../src/testing/fake-cri.ts";
import { TransientError } from "../../../../src/util/errors.ts";
import { podOf } from "../pods/world.ts";
import { virtualClock } from "../virtual-clock.ts";

interface Asked {
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
}

function setting(answer: Partial<HostNet> = {}) {
  const clock = virtualClock();
  const cri = createFakeCri(clock);
  const asked: Asked[] = [];
  const net: HostNet = {
    httpGet: async ({ scheme, host, port, path, headers }) => {
      asked.push({ url: `${scheme}://${host}:${port}${path}`, headers });
      return { status: 503, body: "", location: undefined };
    },
    tcpConnect: async () => {
      throw new Error("connect: connection refused");
    },
    dial: async () => {
      throw new Error("not here");
    },
    ...answer,
  };
  const prober = createProber({ cri, net, clock, health: async () => 2, userAgent: "kube-probe/1.36" });
  const container: Container = { name: "app", ports: [{ name: "web", containerPort: 8080 }] };
  const pod = { ...podOf("p"), status: { podIP: "10.1.1.1" } };
  const run = async (probe: Probe): Promise<ProbeAnswer> => prober.probe({ pod, container, containerId: "c", probe });
  return { cri, asked, run };
}

test("an HTTP probe goes to the pod's address, names itself, and takes 200 to 399 for good", async (t) => {
  const { asked, run } = setting();
  const bad = await run({ httpGet: { port: "web", path: "healthz", httpHeaders: [{ name: "X", value: "y" }] } });
  t.deepEqual(bad, { kind: "failure", message: "HTTP probe failed with statuscode: 503" });
  t.is(asked[0]!.url, "http://10.1.1.1:8080/healthz");
  t.deepEqual(asked[0]!.headers, [
    ["X", "y"],
    ["User-Agent", "kube-probe/1.36"],
    ["Accept", "*/*"],
  ]);
  for (const [status, kind] of [
    [200, "success"],
    [302, "success"],
    [399, "success"],
    [400, "failure"],
  ] as const) {
    const { run: other } = setting({ httpGet: async () => ({ status, body: "", location: undefined }) });
    t.is((await other({ httpGet: { port: 80 } })).kind, kind);
  }
});

test("a refused connection is told in the words of Kubernetes", async (t) => {
  const cause = Object.assign(new Error("connect ECONNREFUSED 10.1.1.1:80"), { code: "ECONNREFUSED" });
  const refuse = (): Promise<never> => Promise.reject(new TransientError(cause.message, { cause }));
  const { run } = setting({ httpGet: refuse, tcpConnect: refuse });
  const text = "dial tcp 10.1.1.1:80: connect: connection refused";
  t.is((await run({ httpGet: { port: 80 } })).message, `Get "http://10.1.1.1:80/": ${text}`);
  t.is((await run({ tcpSocket: { port: 80 } })).message, text);
});

test("TCP and gRPC probes say why they failed", async (t) => {
  const { run } = setting();
  t.deepEqual(await run({ tcpSocket: { port: 80 } }), {
    kind: "failure",
    message: "dial tcp 10.1.1.1:80: connect: connection refused",
  });
  t.deepEqual(await run({ grpc: { port: 80 } }), {
    kind: "failure",
    message: 'service unhealthy (responded with "NOT_SERVING")',
  });
});

test("an exec probe fails on its exit code and on its timeout, but a broken runtime says nothing", async (t) => {
  const { cri, run } = setting();
  cri.addImage("app:1");
  const exec = { exec: { command: ["sleep", "9"] }, timeoutSeconds: 1 };
  cri.failNext("execSync", "timeout");
  t.deepEqual(await run(exec), { kind: "failure", message: 'command timed out: "sleep 9" timed out after 1s' });
  cri.failNext("execSync", "unavailable");
  await t.throwsAsync(run(exec), { instanceOf: CriError });
});

test("the health protocol is spoken to a real gRPC server", async (t) => {
  const server = new Server();
  const asked: string[] = [];
  server.addService(
    {
      Check: {
        path: "/grpc.health.v1.Health/Check",
        requestStream: false,
        responseStream: false,
        requestSerialize: (value: Buffer) => value,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (value: Buffer) => value,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    },
    {
      Check: (call: { request: Buffer }, reply: (error: null, value: Buffer) => void) => {
        asked.push(call.request.toString("hex"));
        reply(null, Buffer.from([0x08, 0x01]));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  t.teardown(() => server.forceShutdown());
  const clock = { wall: () => Date.now(), mono: () => 0, after: () => ({ cancel: () => {} }) };
  t.is(await createGrpcHealth(clock)("127.0.0.1", port, "db", 5_000), 1);
  t.deepEqual(asked, ["0a026462"]);
});

const facts: MachineFacts = {
  name: "n1",
  hostname: "n1",
  addresses: ["192.0.2.1"],
  cpus: 2,
  memoryBytes: 4 * 1_024 ** 3,
  diskBytes: 1_024 ** 4,
  architecture: "amd64",
  machineId: "m",
  systemUuid: "m",
  bootId: "b",
  kernelVersion: "6",
  osImage: "Linux",
  runtimeVersion: "containerd://1.6.20",
  version: "v1.36.0",
};
const healthy: Health = {
  runtime: { ready: true, network: true, message: "" },
  memoryAvailableBytes: 1_024 ** 3,
  disk: { availablePercent: 50, inodesFreePercent: 50 },
  images: [],
};

test("a node is Ready only with runtime and network, and a pressure is held for five minutes", (t) => {
  const of = (health: Health, now: number, pressures: Readonly<Record<string, number>> = {}) => {
    const built = nodeStatus(facts, health, undefined, { now, pressures });
    const find = (type: string) => built.status.conditions!.find((condition) => condition.type === type)!;
    return { ready: find("Ready"), disk: find("DiskPressure"), pressures: built.pressures };
  };
  t.is(of(healthy, 0).ready.status, "True");
  const down = of({ ...healthy, runtime: undefined }, 0).ready;
  t.deepEqual([down.status, down.reason, down.message], ["False", "KubeletNotReady", "container runtime is down"]);
  const message = "NetworkPluginNotReady: cni";
  const noNetwork = of({ ...healthy, runtime: { ready: true, network: false, message } }, 0).ready;
  t.is(noNetwork.message, `container runtime network not ready: ${message}`);
  const full = of({ ...healthy, disk: { availablePercent: 9, inodesFreePercent: 50 } }, 1_000);
  t.deepEqual([full.disk.status, full.disk.reason], ["True", "KubeletHasDiskPressure"]);
  const held = of(healthy, 301_000, full.pressures);
  t.is(held.disk.status, "True");
  t.is(of(healthy, 301_001, held.pressures).disk.status, "False");
});
