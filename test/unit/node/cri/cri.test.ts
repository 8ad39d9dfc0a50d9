import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as grpc from "@grpc/grpc-js";
import test, { type ExecutionContext } from "ava";
import protobuf from "protobufjs";

import type { Clock } from "../../../../src/env/env.ts";
import { createCri } from "../../../../src/node/cri/client.ts";
import {
  type Cri,
  CriError,
  isNotFound,
  isOutcomeUnknown,
  type ContainerConfig,
  namespaceMode,
  type SandboxConfig,
} from "../../../../src/node/cri/cri.ts";
import { errorKind } from "../../../../src/node/cri/transport.ts";
import { nodeScope, scopeCri } from "../../../../src/node/cri/scoped.ts";
import { createFakeCri } from "../../../../src/testing/fake-cri.ts";

const namespaces = {
  network: namespaceMode.pod,
  pid: namespaceMode.container,
  ipc: namespaceMode.pod,
};

const sandboxConfig: SandboxConfig = {
  metadata: { name: "web", uid: "u1", namespace: "default", attempt: 0 },
  hostname: "web",
  logDirectory: "/logs",
  labels: { app: "web" },
  annotations: {},
  linux: { cgroupParent: "/t/podu1", securityContext: { namespaceOptions: namespaces } },
};

const containerConfig: ContainerConfig = {
  metadata: { name: "main", attempt: 0 },
  image: "img",
  command: ["sleep"],
  args: [],
  workingDir: "",
  envs: [{ key: "PLACE", value: "Zürich" }],
  mounts: [],
  labels: { app: "web" },
  annotations: {},
  logPath: "main/0.log",
  stdin: false,
  stdinOnce: false,
  tty: false,
  linux: {
    resources: { cpuShares: 102 },
    securityContext: { namespaceOptions: namespaces, runAsUser: { value: 0 } },
  },
};

const wallClock: Clock = {
  wall: () => Date.now(),
  mono: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

type Answer = (request: Record<string, unknown>) => object;

/** A gRPC server on a socket of its own that answers some methods of CRI. */
async function serve(t: ExecutionContext, answers: Readonly<Record<string, Answer>>): Promise<Cri> {
  const root = protobuf.loadSync("proto/cri.proto");
  const folder = mkdtempSync(join(tmpdir(), "troupe-cri-"));
  const server = new grpc.Server();
  for (const name of ["RuntimeService", "ImageService"]) {
    const service = root.lookupService(`runtime.v1.${name}`);
    for (const method of service.methodsArray) {
      const answer = answers[method.name];
      if (answer === undefined) continue;
      const [requestType, replyType] = [method.requestType, method.responseType].map((type) =>
        service.lookupType(type),
      );
      const definition: grpc.MethodDefinition<object, object> = {
        path: `/runtime.v1.${name}/${method.name}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: (value) => Buffer.from(requestType!.encode(value).finish()),
        requestDeserialize: (bytes) => requestType!.toObject(requestType!.decode(bytes)),
        responseSerialize: (value) => Buffer.from(replyType!.encode(replyType!.fromObject(value)).finish()),
        responseDeserialize: (bytes) => replyType!.decode(bytes),
      };
      server.addService(
        { [method.name]: definition },
        {
          [method.name]: (
            call: { request: Record<string, unknown> },
            callback: (error: object | null, reply?: object) => void,
          ) => {
            try {
              callback(null, answer(call.request));
            } catch (error) {
              callback(error as object);
            }
          },
        },
      );
    }
  }
  const socket = join(folder, "s");
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  const cri = createCri({ socket, clock: wallClock });
  t.teardown(() => {
    cri.close();
    server.forceShutdown();
    rmSync(folder, { recursive: true });
  });
  return cri;
}

test("a container's configuration reaches the runtime: root is not unset, texts are UTF-8", async (t) => {
  let seen: Record<string, unknown> = {};
  const cri = await serve(t, {
    CreateContainer: (request) => {
      seen = request;
      return { containerId: "c1" };
    },
  });
  t.is(await cri.createContainer("s1", containerConfig, sandboxConfig), "c1");
  const config = seen["config"] as {
    envs: { key: string; value: Uint8Array }[];
    image: { image: string };
    linux: { securityContext: { runAsUser?: object; runAsGroup?: object } };
  };
  t.is(seen["podSandboxId"], "s1");
  t.is(config.image.image, "img");
  t.is(new TextDecoder().decode(config.envs[0]!.value), "Zürich");
  t.truthy(config.linux.securityContext.runAsUser);
  t.is(config.linux.securityContext.runAsGroup, undefined);
});

test("a list answers plain objects: words for states, ms for times, labels as sent", async (t) => {
  let filter: unknown;
  const cri = await serve(t, {
    ListContainers: (request) => {
      filter = request["filter"];
      return {
        containers: [
          {
            id: "c1",
            podSandboxId: "s1",
            metadata: { name: "main", attempt: 3 },
            image: { image: "img" },
            state: 2,
            createdAt: "1700000000123456789",
            labels: { a: "b" },
          },
          { id: "c2" },
        ],
      };
    },
  });
  const [first, second] = await cri.listContainers({ state: "exited", labels: { a: "b" } });
  t.like(filter, { state: { state: 2 }, labelSelector: { a: "b" } });
  t.like(first, { id: "c1", state: "exited", image: "img", labels: { a: "b" } });
  t.is(Math.floor(first!.createdAtMs), 1_700_000_000_123);
  t.deepEqual(second!.metadata, { name: "", attempt: 0 });
  t.is(second!.state, "created");
});

test("an image that is not there is undefined; without a numeric user its uid is undefined", async (t) => {
  const cri = await serve(t, {
    ImageStatus: ({ image }) =>
      (image as { image: string }).image === "there" ? { image: { id: "sha256:1", size: 5, uid: { value: 0 } } } : {},
  });
  t.is(await cri.imageStatus("elsewhere"), undefined);
  t.like(await cri.imageStatus("there"), { id: "sha256:1", sizeBytes: 5, uid: 0 });
});

test("an absent object, a method that is not served and a runtime that is away are told apart", async (t) => {
  const cri = await serve(t, {
    ContainerStatus: () => {
      throw Object.assign(new Error("no such container"), { code: grpc.status.NOT_FOUND });
    },
  });
  const gone = await t.throwsAsync(cri.containerStatus("x"), { instanceOf: CriError });
  t.true(isNotFound(gone));
  t.false(isOutcomeUnknown(gone));
  const old = await t.throwsAsync(cri.version(), { instanceOf: CriError });
  t.is(old.kind, "unimplemented");
  const nobody = createCri({ socket: "/nonexistent/troupe.sock", clock: wallClock });
  t.teardown(() => nobody.close());
  const away = await t.throwsAsync(nobody.status(), { instanceOf: CriError });
  t.is(away.kind, "unavailable");
  t.true(isOutcomeUnknown(away));
});

test("a pull is given up by its signal", async (t) => {
  const cri = await serve(t, { PullImage: () => ({ imageRef: "sha256:1" }) });
  t.is(await cri.pullImage("a"), "sha256:1");
  const error = await t.throwsAsync(cri.pullImage("a", { signal: AbortSignal.abort() }), {
    instanceOf: CriError,
  });
  t.is(error.kind, "timeout");
});

test("a broken connection is not taken for the runtime's refusal", (t) => {
  t.is(errorKind(grpc.status.INTERNAL, "Received RST_STREAM with code 2"), "unavailable");
  t.is(errorKind(grpc.status.INTERNAL, "disk full"), "failed");
  t.is(errorKind(grpc.status.DEADLINE_EXCEEDED, ""), "timeout");
  t.is(errorKind(grpc.status.UNKNOWN, "whatever"), "failed");
});

/** A clock that moves by hand. */
function handClock(): Clock & { advance(ms: number): void } {
  let now = 1_000_000;
  let timers: { at: number; run: () => void }[] = [];
  return {
    wall: () => now,
    mono: () => now,
    after: (delayMs, run) => {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      return { cancel: () => void (timers = timers.filter((each) => each !== timer)) };
    },
    advance: (ms) => {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { run } of due) run();
    },
  };
}

test("the fake reserves names, so that a lost answer is found by listing", async (t) => {
  const cri = createFakeCri(handClock());
  cri.failNext("runPodSandbox", "timeout", "deadline", true);
  await t.throwsAsync(cri.runPodSandbox(sandboxConfig), { instanceOf: CriError });
  await t.throwsAsync(cri.runPodSandbox(sandboxConfig), { message: /is reserved for/ });
  const found = await cri.listPodSandboxes({ labels: { app: "web" } });
  t.is(found.length, 1);
});

test("the fake's containers end as their script says, and at the end of the grace if they must", async (t) => {
  const clock = handClock();
  const cri = createFakeCri(clock);
  cri.addImage("img");
  cri.script("main", { exits: [{ afterMs: 50, exitCode: 3 }] });
  cri.script("stubborn", { stopExitCode: null });
  const sandbox = await cri.runPodSandbox(sandboxConfig);
  const main = await cri.createContainer(sandbox, containerConfig, sandboxConfig);
  await cri.startContainer(main);
  clock.advance(50);
  t.like(await cri.containerStatus(main), { state: "exited", exitCode: 3, reason: "Error" });

  const config = { ...containerConfig, metadata: { name: "stubborn", attempt: 0 } };
  const stubborn = await cri.createContainer(sandbox, config, sandboxConfig);
  await cri.startContainer(stubborn);
  const stopped = cri.stopContainer(stubborn, 2);
  clock.advance(1_999);
  t.is((await cri.containerStatus(stubborn)).state, "running");
  clock.advance(1);
  await stopped;
  t.is((await cri.containerStatus(stubborn)).exitCode, 137);

  await cri.removePodSandbox(sandbox);
  await cri.removePodSandbox(sandbox);
  t.deepEqual(await cri.listContainers(), []);
});

test("a scoped runtime marks what it makes and lists nothing else", async (t) => {
  const whole = createFakeCri(handClock());
  const scoped = scopeCri(whole, nodeScope("/var/lib/troupe/dev/n1"));
  whole.addImage(containerConfig.image);
  const foreignId = await whole.runPodSandbox(sandboxConfig);
  const other = { ...sandboxConfig, metadata: { ...sandboxConfig.metadata, uid: "other" } };
  const id = await scoped.runPodSandbox(other);
  const container = await scoped.createContainer(id, containerConfig, other);
  await whole.createContainer(foreignId, containerConfig, sandboxConfig);
  t.deepEqual(
    (await scoped.listPodSandboxes({ labels: { app: "web" } })).map((sandbox) => sandbox.id),
    [id],
  );
  t.deepEqual(
    (await scoped.listContainers()).map((each) => each.id),
    [container],
  );
  t.is((await whole.listPodSandboxes()).length, 2);
});
