import type { RuntimeFacts } from "./facts.ts";

/**
 * containerd's configuration as text. Everything that is not the node's own is switched off or put
 * under the data directory, so that several containerds live on one machine without meeting.
 */

export interface ConfigOptions {
  /** Absolute; short enough for a socket's path (see `paths.ts`). */
  readonly dataDirectory: string;
  readonly facts: RuntimeFacts;
  readonly pauseImage: string;
  /** Where exec, attach and port-forward are served; the port is chosen by the kernel. */
  readonly streamAddress: string;
}

/** containerd 2 splits the CRI plugin in two and reads version 3 of the format. */
export function containerdConfig(options: ConfigOptions): string {
  return options.facts.containerd.major >= 2 ? versionThree(options) : versionTwo(options);
}

const unusedPlugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
];

function head(version: number, directory: string): string {
  return [
    `version = ${version}`,
    `root = ${quoted(`${directory}/root`)}`,
    `state = ${quoted(`${directory}/state`)}`,
    // A negative value needs CAP_SYS_RESOURCE.
    "oom_score = 0",
    `disabled_plugins = [${unusedPlugins.map(quoted).join(", ")}]`,
    "[grpc]",
    `address = ${quoted(`${directory}/cd.sock`)}`,
  ].join("\n");
}

function versionTwo({ dataDirectory, facts, pauseImage, streamAddress }: ConfigOptions): string {
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  return [
    head(2, dataDirectory),
    `[${cri}]`,
    `sandbox_image = ${quoted(pauseImage)}`,
    ...streaming(streamAddress),
    ...kernelSwitches(facts),
    `[${cri}.containerd]`,
    `snapshotter = ${quoted(facts.snapshotter)}`,
    `default_runtime_name = "runc"`,
    ...handlers(`${cri}.containerd`, dataDirectory, facts),
    `[${cri}.cni]`,
    `bin_dir = ${quoted(`${dataDirectory}/cni/bin`)}`,
    ...cniCommon(dataDirectory),
    `[${cri}.registry]`,
    `config_path = ${quoted(`${dataDirectory}/certs.d`)}`,
    "",
  ].join("\n");
}

function versionThree({ dataDirectory, facts, pauseImage, streamAddress }: ConfigOptions): string {
  const images = `plugins."io.containerd.cri.v1.images"`;
  const runtime = `plugins."io.containerd.cri.v1.runtime"`;
  const bin = quoted(`${dataDirectory}/cni/bin`);
  const { major, minor } = facts.containerd;
  return [
    head(3, dataDirectory),
    `[${images}]`,
    `snapshotter = ${quoted(facts.snapshotter)}`,
    `[${images}.pinned_images]`,
    `sandbox = ${quoted(pauseImage)}`,
    `[${images}.registry]`,
    `config_path = ${quoted(`${dataDirectory}/certs.d`)}`,
    `[${runtime}]`,
    ...kernelSwitches(facts),
    `[${runtime}.containerd]`,
    `default_runtime_name = "runc"`,
    ...handlers(`${runtime}.containerd`, dataDirectory, facts),
    `[${runtime}.cni]`,
    major > 2 || minor >= 1 ? `bin_dirs = [${bin}]` : `bin_dir = ${bin}`,
    ...cniCommon(dataDirectory),
    `[plugins."io.containerd.grpc.v1.cri"]`,
    ...streaming(streamAddress),
    "",
  ].join("\n");
}

function streaming(address: string): string[] {
  return [`stream_server_address = ${quoted(address)}`, `stream_server_port = "0"`];
}

function kernelSwitches(facts: RuntimeFacts): string[] {
  return [
    `disable_apparmor = ${!facts.apparmor}`,
    // Without the capability pause's -998 cannot be set, and runc hangs for 19 s.
    `restrict_oom_score_adj = ${!facts.mayLowerOomScore}`,
    "netns_mounts_under_state_dir = true",
  ];
}

function cniCommon(directory: string): string[] {
  return [`conf_dir = ${quoted(`${directory}/cni/conf`)}`, "max_conf_num = 1"];
}

function handlers(section: string, directory: string, facts: RuntimeFacts): string[] {
  return facts.handlers.flatMap(({ name, path }) => [
    `[${section}.runtimes.${name}]`,
    `runtime_type = "io.containerd.runc.v2"`,
    `[${section}.runtimes.${name}.options]`,
    `BinaryName = ${quoted(path)}`,
    // The default is shared by all containerds of the machine.
    `Root = ${quoted(`${directory}/${name}`)}`,
    "SystemdCgroup = false",
  ]);
}

/** A TOML basic string. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
