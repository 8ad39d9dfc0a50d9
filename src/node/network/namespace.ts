import type { Exec } from "../../env/host.ts";
import { networkCommands, type NetworkCommands } from "./commands.ts";
import type { Recorder } from "./outside.ts";

/**
 * A network namespace for a node, so that a second cluster (or a second node) lives on the machine
 * beside the first: own links, routes, nft tables, sysctls and loopback. It hangs on a bridge whose
 * other end is the machine itself, and reaches the world through it, translated.
 */
export interface NodeNamespace {
  /** Under /run/netns; also the nft table's name. */
  readonly name: string;
  /** At most 15 letters. Shared by the nodes of one cluster. */
  readonly bridge: string;
  /** The machine's end of the veth; at most 15 letters. */
  readonly link: string;
  /** The machine's address on the bridge with its prefix: `172.31.77.1/24`. */
  readonly bridgeAddress: string;
  /** The node's address without prefix. */
  readonly nodeAddress: string;
  /** Of all pods of the cluster: those of the other nodes are asked for on the bridge. Absent: there is no other node. */
  readonly podCidr?: string;
}

function namespacePath(name: string): string {
  return `/run/netns/${name}`;
}

/** Safe to repeat after a crash at any point. Answers the namespace's path. */
export async function makeNodeNamespace(exec: Exec, recorder: Recorder, wanted: NodeNamespace): Promise<string> {
  const { name, bridge, link, bridgeAddress, nodeAddress } = wanted;
  const prefix = bridgeAddress.slice(bridgeAddress.indexOf("/"));
  const gateway = bridgeAddress.slice(0, bridgeAddress.indexOf("/"));
  const here = networkCommands(exec);
  await recorder.record("netns", name);
  await recorder.record("link", bridge);
  await recorder.record("link", link);
  await recorder.record("table", `ip ${name}`);
  if (!(await here.try("ip", ["netns", "exec", name, "true"]))) {
    await here.run("ip", ["netns", "add", name]);
  }
  if (!(await here.try("ip", ["link", "show", "dev", bridge]))) {
    await here.run("ip", ["link", "add", bridge, "type", "bridge"]);
  }
  await here.run("ip", ["addr", "replace", bridgeAddress, "dev", bridge]);
  await here.run("ip", ["link", "set", bridge, "up"]);
  const inside = networkCommands(exec, namespacePath(name));
  if (!(await inside.try("ip", ["link", "show", "dev", "eth0"]))) {
    const peer = ["peer", "name", "eth0", "netns", name];
    await here.run("ip", ["link", "add", link, "type", "veth", ...peer]);
  }
  await here.run("ip", ["link", "set", link, "master", bridge, "up"]);
  await inside.run("ip", ["link", "set", "lo", "up"]);
  await inside.run("ip", ["addr", "replace", `${nodeAddress}${prefix}`, "dev", "eth0"]);
  await inside.run("ip", ["link", "set", "eth0", "up"]);
  await inside.run("ip", ["route", "replace", "default", "via", gateway]);
  if (wanted.podCidr !== undefined) await meetOtherPods(inside, wanted.podCidr);
  await here.run("sh", ["-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
  await here.run("nft", ["-f", "-"], masquerade(name, bridge, bridgeAddress));
  return namespacePath(name);
}

/**
 * Nodes of one cluster on one bridge: each answers for its own pods when another asks who has their address, so
 * nobody needs to know which range is whose.
 */
async function meetOtherPods(inside: NetworkCommands, podCidr: string): Promise<void> {
  await inside.run("ip", ["route", "replace", podCidr, "dev", "eth0"]);
  // At once: by default an answer for another waits up to 0.8 s.
  const settings = ["conf/eth0/proxy_arp=1", "neigh/eth0/proxy_delay=0"];
  for (const setting of settings) {
    const [name, value] = setting.split("=");
    await inside.run("sh", ["-c", `echo ${value} >/proc/sys/net/ipv4/${name}`]);
  }
}

export async function removeNetns(exec: Exec, name: string): Promise<void> {
  const here = networkCommands(exec);
  if (await here.try("ip", ["netns", "exec", name, "true"])) {
    await here.run("ip", ["netns", "del", name]);
  }
}

/** A bridge with other links on it is left alone. */
export async function removeLink(exec: Exec, link: string): Promise<void> {
  const here = networkCommands(exec);
  if (!(await here.try("ip", ["link", "show", "dev", link]))) return;
  const ports = await here.run("ip", ["-o", "link", "show", "master", link]);
  if (ports.trim() === "") await here.run("ip", ["link", "del", link]);
}

export async function removeTable(exec: Exec, table: string): Promise<void> {
  const here = networkCommands(exec);
  const words = table.split(" ");
  if (await here.try("nft", ["list", "table", ...words])) {
    await here.run("nft", ["delete", "table", ...words]);
  }
}

function masquerade(table: string, bridge: string, bridgeAddress: string): string {
  return [
    // In one transaction: as if it had been made once, however often it is.
    `add table ip ${table}`,
    `delete table ip ${table}`,
    `table ip ${table} {`,
    "  chain postrouting {",
    "    type nat hook postrouting priority srcnat",
    `    ip saddr ${bridgeAddress} oifname != "${bridge}" masquerade`,
    "  }",
    "}",
    "",
  ].join("\n");
}
