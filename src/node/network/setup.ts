import type { Exec, HostFiles } from "../../env/host.ts";
import { UserError } from "../../util/errors.ts";
import { type NetworkCommands, networkCommands } from "./commands.ts";
import type { Recorder } from "./outside.ts";
import { conflist, pluginScript } from "./plugin.ts";

/** The node's part of the network: sysctls, the services' route, the CNI plugin and its list. */
export interface SetUpOptions {
  readonly exec: Exec;
  readonly files: HostFiles;
  readonly recorder: Recorder;
  readonly dataDirectory: string;
  readonly address: NodeAddress;
  /** `10.96.0.0/16`. */
  readonly serviceCidr: string;
  /** Bytes that the way between nodes takes off the MTU; 50 for vxlan, 0 on one node. */
  readonly overheadBytes?: number;
  /** Path of the node's network namespace when it is not ours. */
  readonly netns?: string;
  /** Where a runtime that is not our own looks for its plugins; absent: below the data directory. */
  readonly cni?: CniFolders;
}

export interface CniFolders {
  readonly confDirectory: string;
  readonly binDirectory: string;
}

export interface NodeAddress {
  readonly address: string;
  readonly link: string;
  readonly mtu: number;
}

/** Safe to repeat. containerd turns NetworkReady once the list is there. */
export async function setUpNetwork(options: SetUpOptions): Promise<void> {
  const { exec, files, recorder, dataDirectory, address, serviceCidr } = options;
  const commands = networkCommands(exec, options.netns);
  await setSysctls(commands, [
    ["net/ipv4/ip_forward", "1"],
    // Replies of a translated connection come in by another link than they would leave by.
    ["net/ipv4/conf/all/rp_filter", "0"],
    ["net/ipv4/conf/default/rp_filter", "0"],
  ]);
  await recorder.record("route", serviceCidr);
  // Without a route of its own a service address would take the default route's source, or none.
  const route = `route replace ${serviceCidr} dev lo src ${address.address}`;
  await commands.run("ip", route.split(" "));
  await files.makeFolder(`${dataDirectory}/net`);
  const mtu = address.mtu - (options.overheadBytes ?? 0);
  const script = pluginScript({ dataDirectory, mtu });
  if (options.cni === undefined) await installPlugin(files, dataDirectory, script);
  else await installShared(options, options.cni, script);
}

async function installPlugin(files: HostFiles, dataDirectory: string, script: string): Promise<void> {
  await files.makeFolder(`${dataDirectory}/cni/bin`);
  await files.makeFolder(`${dataDirectory}/cni/conf`);
  for (const name of ["troupe", "loopback"]) {
    await files.writeAtomic(`${dataDirectory}/cni/bin/${name}`, script, { mode: 0o755 });
  }
  await files.writeAtomic(`${dataDirectory}/cni/conf/10-troupe.conflist`, conflist());
}

const sharedConflist = "00-troupe.conflist";

/**
 * Among the plugins of others: recorded, so that `down` takes it away. The runtime uses the list whose
 * name sorts first, and pods of another network would not be reached by our Services.
 */
async function installShared({ files, recorder }: SetUpOptions, cni: CniFolders, script: string): Promise<void> {
  await files.makeFolder(cni.confDirectory);
  await files.makeFolder(cni.binDirectory);
  const others = (await files.list(cni.confDirectory)).filter((name) => /\.(conf|conflist|json)$/.test(name));
  const before = others.find((name) => name < sharedConflist);
  if (before !== undefined) {
    throw new UserError("TRP-0306", `the runtime uses another pod network: ${cni.confDirectory}/${before}`, {
      hint: "move that file away while Troupe uses this runtime, or let Troupe run a containerd of its own",
    });
  }
  const plugins = ["troupe"];
  // The real one does the same and may be in use.
  if ((await files.stat(`${cni.binDirectory}/loopback`)) === undefined) plugins.push("loopback");
  for (const name of plugins) {
    await recorder.record("file", `${cni.binDirectory}/${name}`);
    await files.writeAtomic(`${cni.binDirectory}/${name}`, script, { mode: 0o755 });
  }
  await recorder.record("file", `${cni.confDirectory}/${sharedConflist}`);
  await files.writeAtomic(`${cni.confDirectory}/${sharedConflist}`, conflist());
}

async function setSysctls(commands: NetworkCommands, values: readonly (readonly [string, string])[]): Promise<void> {
  const script = 'while [ $# -gt 1 ]; do echo "$2" >"/proc/sys/$1" || exit 1; shift 2; done';
  await commands.run("sh", ["-c", script, "sh", ...values.flat()]);
}

const dummyLink = "troupe0";
/** From the range for benchmarks: nobody routes it. */
const dummyAddress = "198.18.0.1";

/**
 * The address of the default route's link; on a machine without network a dummy link's, made and
 * recorded.
 */
export async function findNodeAddress(exec: Exec, recorder: Recorder, netns?: string): Promise<NodeAddress> {
  const commands = networkCommands(exec, netns);
  const routes = parseJson<DefaultRoute>(await commands.run("ip", ["-4", "-j", "route", "show", "default"]));
  for (const route of routes) {
    if (route.dev === undefined) continue;
    const found = await addressOfLink(commands, route.dev);
    if (found === undefined) continue;
    return { ...found, address: route.prefsrc ?? found.address };
  }
  const made = await addressOfLink(commands, dummyLink);
  if (made !== undefined) return made;
  await recorder.record("link", dummyLink);
  await commands.try("ip", ["link", "add", dummyLink, "type", "bridge"]);
  await commands.run("ip", ["addr", "replace", `${dummyAddress}/32`, "dev", dummyLink]);
  await commands.run("ip", ["link", "set", dummyLink, "up"]);
  return { address: dummyAddress, link: dummyLink, mtu: 1_500 };
}

interface DefaultRoute {
  readonly dev?: string;
  readonly prefsrc?: string;
}

interface LinkAddresses {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly addr_info?: readonly {
    readonly family?: string;
    readonly local?: string;
    readonly scope?: string;
  }[];
}

async function addressOfLink(commands: NetworkCommands, link: string): Promise<NodeAddress | undefined> {
  if (!(await commands.try("ip", ["link", "show", "dev", link]))) return undefined;
  const text = await commands.run("ip", ["-4", "-j", "addr", "show", "dev", link]);
  for (const { mtu = 1_500, addr_info: addresses = [] } of parseJson<LinkAddresses>(text)) {
    const found = addresses.find(({ family, scope }) => family === "inet" && scope === "global");
    if (found?.local !== undefined) return { address: found.local, link, mtu };
  }
  return undefined;
}

/** `ip -j` prints an empty text or a list, with empty objects for what a filter left out. */
function parseJson<T>(text: string): readonly T[] {
  return text.trim() === "" ? [] : (JSON.parse(text) as readonly T[]);
}
