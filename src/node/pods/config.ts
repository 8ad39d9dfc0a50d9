import type {
  Container,
  Pod,
  PodSecurityContext,
  SeccompProfile,
  SecurityContext,
} from "../../kinds/generated/types.ts";
import type {
  Container as ListedContainer,
  ContainerConfig,
  ContainerSecurity,
  DnsConfig,
  Mount,
  NamespaceOptions,
  SandboxConfig,
  SecurityProfile,
} from "../cri/cri.ts";
import { namespaceMode, profileType } from "../cri/cri.ts";
import { expand } from "./environment.ts";
import { containerHash } from "./model.ts";
import { containerResources, podCgroup } from "./resources.ts";

/**
 * CRI configurations of a pod's sandbox and containers. The labels and annotations hold enough to
 * adopt a pod after a restart of the agent, and to end it rightly when its object is gone.
 */
export const podUidLabel = "io.kubernetes.pod.uid";
export const podNameLabel = "io.kubernetes.pod.name";
export const podNamespaceLabel = "io.kubernetes.pod.namespace";
export const containerNameLabel = "io.kubernetes.container.name";
export const hashAnnotation = "io.kubernetes.container.hash";
export const graceAnnotation = "io.kubernetes.pod.terminationGracePeriod";
export const hostNetworkAnnotation = "troupe.dev/host-network";
const terminationPathAnnotation = "io.kubernetes.container.terminationMessagePath";
const terminationPolicyAnnotation = "io.kubernetes.container.terminationMessagePolicy";

const masked = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPaths = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

export interface ConfigFacts {
  readonly cgroupRoot: string;
  readonly logRoot: string;
  readonly seccompRoot: string;
  readonly memoryCapacityBytes: number;
  readonly apparmor: boolean;
}

export interface SandboxFacts extends ConfigFacts {
  readonly attempt: number;
  readonly hostname: string;
  readonly dns: DnsConfig;
}

export function sandboxConfig(pod: Pod, facts: SandboxFacts): SandboxConfig {
  const hostNetwork = pod.spec.hostNetwork === true;
  const security = pod.spec.securityContext ?? {};
  const privileged = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some(
    ({ securityContext }) => securityContext?.privileged === true,
  );
  const sysctls = security.sysctls ?? [];
  return {
    metadata: {
      name: pod.metadata.name,
      uid: pod.metadata.uid,
      namespace: pod.metadata.namespace ?? "",
      attempt: facts.attempt,
    },
    hostname: hostNetwork ? "" : facts.hostname,
    logDirectory: podLogFolder(pod, facts.logRoot),
    dnsConfig: facts.dns,
    labels: { ...pod.metadata.labels, ...podLabels(pod) },
    annotations: {
      ...pod.metadata.annotations,
      [graceAnnotation]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
      [hostNetworkAnnotation]: String(hostNetwork),
    },
    linux: {
      cgroupParent: podCgroup(pod, facts.cgroupRoot).path,
      securityContext: {
        namespaceOptions: namespaceOptions(pod),
        ...(privileged ? { privileged } : {}),
        ...(security.runAsUser === undefined ? {} : { runAsUser: { value: security.runAsUser } }),
        ...(security.runAsGroup === undefined || security.runAsUser === undefined
          ? {}
          : { runAsGroup: { value: security.runAsGroup } }),
        supplementalGroups: groupsOf(security),
        seccomp: { profileType: profileType.runtimeDefault },
      },
      ...(sysctls.length === 0 ? {} : { sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])) }),
    },
  };
}

/** Of all pods of a node, below its data directory. */
export function logRootOf(dataDirectory: string): string {
  return `${dataDirectory}/logs`;
}

export function podLogFolder(pod: Pod, logRoot: string): string {
  const { namespace = "", name, uid } = pod.metadata;
  return `${logRoot}/${namespace}_${name}_${uid}`;
}

/** Where a container of ours writes, from what the runtime lists of it. */
export function listedLogPath({ labels, metadata }: ListedContainer, logRoot: string): string {
  const pod = [podNamespaceLabel, podNameLabel, podUidLabel].map((label) => labels[label] ?? "").join("_");
  return `${logRoot}/${pod}/${metadata.name}/${metadata.attempt}.log`;
}

function podLabels(pod: Pod): Readonly<Record<string, string>> {
  return {
    [podNameLabel]: pod.metadata.name,
    [podNamespaceLabel]: pod.metadata.namespace ?? "",
    [podUidLabel]: pod.metadata.uid,
  };
}

function namespaceOptions(pod: Pod): NamespaceOptions {
  return {
    network: pod.spec.hostNetwork === true ? namespaceMode.node : namespaceMode.pod,
    pid:
      pod.spec.hostPID === true
        ? namespaceMode.node
        : pod.spec.shareProcessNamespace === true
          ? namespaceMode.pod
          : namespaceMode.container,
    ipc: pod.spec.hostIPC === true ? namespaceMode.node : namespaceMode.pod,
  };
}

function groupsOf(security: PodSecurityContext): readonly number[] {
  const own = security.supplementalGroups ?? [];
  return security.fsGroup === undefined ? own : [...own, security.fsGroup];
}

export interface ContainerFacts extends ConfigFacts {
  readonly attempt: number;
  readonly imageId: string;
  /** The image's user, where it is a number. */
  readonly imageUid?: number;
  readonly environment: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  /** Id of the container whose processes an ephemeral container wants to see. */
  readonly targetId?: string;
}

export function containerConfig(pod: Pod, container: Container, facts: ContainerFacts): ContainerConfig {
  const lookup = (name: string): string | undefined => facts.environment.get(name);
  const texts = (values: readonly string[] | undefined): string[] =>
    (values ?? []).map((value) => expand(value, lookup));
  return {
    metadata: { name: container.name, attempt: facts.attempt },
    image: facts.imageId,
    command: texts(container.command),
    args: texts(container.args),
    workingDir: container.workingDir ?? "",
    envs: [...facts.environment].map(([key, value]) => ({ key, value })),
    mounts: facts.mounts,
    labels: { ...podLabels(pod), [containerNameLabel]: container.name },
    annotations: {
      [hashAnnotation]: containerHash(container),
      "io.kubernetes.container.restartCount": String(facts.attempt),
      [terminationPathAnnotation]: container.terminationMessagePath ?? "/dev/termination-log",
      [terminationPolicyAnnotation]: container.terminationMessagePolicy ?? "File",
      [graceAnnotation]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
      ...(container.lifecycle?.preStop === undefined
        ? {}
        : {
            "io.kubernetes.container.preStopHandler": JSON.stringify(container.lifecycle.preStop),
          }),
    },
    logPath: `${container.name}/${facts.attempt}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: containerResources(pod, container, facts.memoryCapacityBytes),
      securityContext: containerSecurity(pod, container, facts),
    },
  };
}

function containerSecurity(pod: Pod, container: Container, facts: ContainerFacts): ContainerSecurity {
  const own: SecurityContext = container.securityContext ?? {};
  const shared: PodSecurityContext = pod.spec.securityContext ?? {};
  const group = own.runAsGroup ?? shared.runAsGroup;
  // The runtime takes a group only together with a user.
  const imageUser = group === undefined ? undefined : (facts.imageUid ?? 0);
  const user = own.runAsUser ?? shared.runAsUser ?? imageUser;
  const privileged = own.privileged === true;
  const unmasked = privileged || own.procMount === "Unmasked";
  const options = namespaceOptions(pod);
  const apparmor = own.appArmorProfile ?? shared.appArmorProfile;
  const capabilities = own.capabilities;
  return {
    namespaceOptions:
      facts.targetId === undefined ? options : { ...options, pid: namespaceMode.target, targetId: facts.targetId },
    ...(privileged ? { privileged } : {}),
    ...(capabilities === undefined
      ? {}
      : {
          capabilities: {
            addCapabilities: (capabilities.add ?? []).map(plainCapability),
            dropCapabilities: (capabilities.drop ?? []).map(plainCapability),
          },
        }),
    ...(user === undefined ? {} : { runAsUser: { value: user } }),
    ...(group === undefined ? {} : { runAsGroup: { value: group } }),
    ...(own.readOnlyRootFilesystem === true ? { readonlyRootfs: true } : {}),
    supplementalGroups: groupsOf(shared),
    noNewPrivs: own.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : masked,
    readonlyPaths: unmasked ? [] : readonlyPaths,
    seccomp: privileged
      ? { profileType: profileType.unconfined }
      : profileOf(own.seccompProfile ?? shared.seccompProfile, facts.seccompRoot),
    ...(facts.apparmor && !privileged && apparmor !== undefined ? { apparmor: profileOf(apparmor, "") } : {}),
  };
}

/** The runtime adds the prefix itself. */
function plainCapability(name: string): string {
  return name.replace(/^CAP_/, "");
}

function profileOf(profile: SeccompProfile | undefined, root: string): SecurityProfile {
  const kind = profile?.type ?? "Unconfined";
  if (kind === "RuntimeDefault") return { profileType: profileType.runtimeDefault };
  if (kind !== "Localhost") return { profileType: profileType.unconfined };
  const name = profile?.localhostProfile ?? "";
  const localhostRef = root === "" ? name : `${root}/${name}`;
  return { profileType: profileType.localhost, localhostRef };
}
