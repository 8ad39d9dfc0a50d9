import type { Container, Pod, Secret } from "../../kinds/generated/types.ts";
import { messageOf } from "../../util/errors.ts";
import type { SandboxConfig } from "../cri/cri.ts";
import { isOutcomeUnknown } from "../cri/cri.ts";
import type { PodAction } from "./actions.ts";
import { containerConfig, sandboxConfig } from "./config.ts";
import { podDns, podHostname } from "./dns.ts";
import { ConfigError, containerEnvironment, withoutSecrets } from "./environment.ts";
import { containerPath } from "./events.ts";
import type { ContainerFact, PodSnapshot, SandboxFact } from "./model.ts";
import { containersOf } from "./model.ts";
import type { ReadyImage } from "./ports.ts";
import { StartError } from "./ports.ts";
import { podCgroup } from "./resources.ts";
import type { PodPorts } from "./worker-ports.ts";

/**
 * Makes sandboxes and containers of one pod. Every call to the runtime may be the agent's last: what
 * is half done is found again by its labels and finished by the next decision.
 */
export type StartAction = Extract<PodAction, { kind: "start-container" }>;

export interface StartContext {
  readonly pod: Pod;
  readonly snapshot: PodSnapshot;
  readonly signal: AbortSignal;
  /** Called before the container is started: what must not be lost. */
  readonly beforeStart: () => Promise<void>;
  /** Container ids whose postStart hook is under way. */
  readonly starting: Set<string>;
}

function sandboxConfigOf(ports: PodPorts, pod: Pod, attempt: number): SandboxConfig {
  const node = ports.node();
  const dns = podDns(pod, {
    clusterDns: node.clusterDns,
    clusterDomain: node.clusterDomain,
    host: node.hostDns,
  });
  if (dns.missing !== undefined) warn(ports, pod, "MissingClusterDNS", dns.missing);
  if (dns.dropped !== undefined) warn(ports, pod, "DNSConfigForming", dns.dropped);
  const name = podHostname(pod, node.clusterDomain);
  const hostname =
    pod.spec.setHostnameAsFQDN === true && name.domain !== "" ? `${name.hostname}.${name.domain}` : name.hostname;
  return sandboxConfig(pod, {
    ...node,
    memoryCapacityBytes: node.memoryBytes,
    attempt,
    hostname,
    dns: dns.config,
  });
}

/** Network address, cgroup, then the sandbox. Its address is the one that was assigned: the runtime's plugin reads it. */
export async function createSandbox(ports: PodPorts, pod: Pod, attempt: number): Promise<SandboxFact> {
  const config = sandboxConfigOf(ports, pod, attempt);
  const hostNetwork = pod.spec.hostNetwork === true;
  try {
    const ip = hostNetwork ? "" : await ports.network.assign(pod.metadata.uid);
    await ports.cgroups.create(podCgroup(pod, ports.node().cgroupRoot));
    const id = await ports.starts.run(async () => ports.cri.runPodSandbox(config, pod.spec.runtimeClassName ?? ""));
    return { id, attempt, ready: true, createdAt: ports.clock.wall(), ip, hostNetwork };
  } catch (error) {
    if (!isOutcomeUnknown(error)) {
      const text = `Failed to create pod sandbox: ${messageOf(error)}`;
      warn(ports, pod, "FailedCreatePodSandBox", text);
    }
    throw error;
  }
}

/** Answers the id. Throws `StartError` for what users see in the status; anything else is a failure of the runtime. */
export async function startContainer(ports: PodPorts, context: StartContext, action: StartAction): Promise<string> {
  const { pod } = context;
  const container = containersOf(pod).find(({ container: { name } }) => name === action.name)!.container;
  const id = action.existing?.id ?? (await create(ports, context, container, action));
  await context.beforeStart();
  const failed = (reason: string, message: string): never => {
    note(ports, pod, container, { type: "Warning", reason: "Failed", message: `Error: ${message}` });
    throw new StartError(reason, message);
  };
  try {
    await ports.starts.run(async () => ports.cri.startContainer(id), "continue");
  } catch (error) {
    if (isOutcomeUnknown(error)) throw error;
    failed("RunContainerError", shownText(ports, pod, container, messageOf(error)));
  }
  const message = "Container started";
  note(ports, pod, container, { type: "Normal", reason: "Started", message });
  await postStart(ports, context, container, id);
  return id;
}

async function create(
  ports: PodPorts,
  context: StartContext,
  container: Container,
  action: StartAction,
): Promise<string> {
  const { pod, signal } = context;
  const sandbox = sandboxConfigOf(ports, pod, action.sandbox.attempt);
  const image = await ports.images.ensure(pod, container, sandbox, signal);
  const configError = (error: unknown): never => {
    const message = messageOf(error);
    note(ports, pod, container, { type: "Warning", reason: "Failed", message: `Error: ${message}` });
    throw new StartError("CreateContainerConfigError", message, { cause: error });
  };
  const config = await configure(ports, context, container, action, image).catch(configError);
  try {
    const create = async (): Promise<string> => ports.cri.createContainer(action.sandbox.id, config, sandbox);
    const id = await ports.starts.run(create, "continue");
    const message = "Container created";
    note(ports, pod, container, { type: "Normal", reason: "Created", message });
    return id;
  } catch (error) {
    if (isOutcomeUnknown(error)) throw error;
    const message = shownText(ports, pod, container, messageOf(error));
    note(ports, pod, container, { type: "Warning", reason: "Failed", message: `Error: ${message}` });
    throw new StartError("CreateContainerError", message, { cause: error });
  }
}

/** What the runtime says about a container, fit for everybody who may read the pod. */
export function shownText({ desired }: PodPorts, pod: Pod, container: Container | undefined, text: string): string {
  if (container === undefined) return text;
  const secret = (name: string): Secret | undefined => desired.get("secrets", pod.metadata.namespace ?? "", name);
  return withoutSecrets(text, { container, secret });
}

async function configure(
  ports: PodPorts,
  context: StartContext,
  container: Container,
  action: StartAction,
  image: ReadyImage,
): Promise<ReturnType<typeof containerConfig>> {
  const { pod, snapshot } = context;
  const node = ports.node();
  verifyUser(pod, container, image);
  const namespace = pod.metadata.namespace ?? "";
  const podIps = pod.spec.hostNetwork === true ? node.hostIps : [action.sandbox.ip];
  const environment = containerEnvironment({
    pod,
    container,
    podIps,
    hostIps: node.hostIps,
    nodeName: node.name,
    allocatable: node.allocatable,
    services: ports.desired.list("services"),
    configMap: (name) => ports.desired.get("configmaps", namespace, name),
    secret: (name) => ports.desired.get("secrets", namespace, name),
  });
  const mounts = await ports.volumes.mounts(pod, container, {
    attempt: action.attempt,
    podIps,
    environment,
  });
  const target = (pod.spec.ephemeralContainers ?? []).find(({ name }) => name === container.name)?.targetContainerName;
  const targetFact = snapshot.containers.find(({ name, state }) => name === target && state === "running");
  return containerConfig(pod, container, {
    ...node,
    memoryCapacityBytes: node.memoryBytes,
    attempt: action.attempt,
    imageId: image.id,
    ...(image.uid === undefined ? {} : { imageUid: image.uid }),
    environment,
    mounts,
    ...(targetFact === undefined ? {} : { targetId: targetFact.id }),
  });
}

/** runAsNonRoot, judged by the numbers that the runtime would use. */
function verifyUser(pod: Pod, container: Container, image: ReadyImage): void {
  const own = container.securityContext;
  const shared = pod.spec.securityContext;
  if ((own?.runAsNonRoot ?? shared?.runAsNonRoot) !== true) return;
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace ?? ""}(${pod.metadata.uid})", container: ${container.name})`;
  const user = own?.runAsUser ?? shared?.runAsUser;
  if (user !== undefined) {
    if (user === 0) {
      throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
    }
    return;
  }
  if (image.uid === undefined && image.username !== "") {
    throw new ConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  }
  if ((image.uid ?? 0) === 0) {
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
}

async function postStart(ports: PodPorts, context: StartContext, container: Container, id: string): Promise<void> {
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return;
  const { pod, starting } = context;
  starting.add(id);
  try {
    const podIp = context.snapshot.sandboxes[0]?.ip ?? "";
    const aborted = new Promise<never>((_, reject) => {
      context.signal.addEventListener("abort", () => reject(new Error("the pod is being stopped")));
    });
    const timeoutMs = 0;
    const run = ports.hooks.run({ pod, container, containerId: id, podIp, handler, timeoutMs });
    await Promise.race([run, aborted]);
  } catch (error) {
    const message = `PostStartHook failed: ${messageOf(error)}`;
    note(ports, pod, container, { type: "Warning", reason: "FailedPostStartHook", message });
    await ports.cri.stopContainer(id, pod.spec.terminationGracePeriodSeconds ?? 30);
    throw new StartError("PostStartHookError", messageOf(error), { cause: error });
  } finally {
    starting.delete(id);
  }
}

export function note(
  ports: PodPorts,
  pod: Pod,
  container: Container,
  event: { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string },
): void {
  ports.events.record(pod, { ...event, fieldPath: containerPath(pod, container.name) });
}

function warn(ports: PodPorts, pod: Pod, reason: string, message: string): void {
  ports.events.record(pod, { type: "Warning", reason, message });
}

/** Containers that run and have no name in the spec any more are stopped like the others. */
export function containerOf(pod: Pod, fact: ContainerFact): Container {
  const known = containersOf(pod).find(({ container }) => container.name === fact.name);
  return known?.container ?? { name: fact.name };
}
