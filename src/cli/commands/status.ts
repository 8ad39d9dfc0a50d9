/** Masters and nodes of a cluster, and whether they are well. */
import { clusterOptions, outputOption } from "../cluster-options.ts";
import { text, type Command } from "../command.ts";
import { membersPath, type MembersAnswer } from "../../server/joining/answers.ts";
import { layoutOf, masterAddress, requireCluster, type MachineMaster, type Registered } from "../cluster-file.ts";
import { splitHostPort } from "../machines/asking.ts";
import { self } from "../self.ts";
import { parseChoice } from "../arguments.ts";
import { get, type ApiAccess } from "../api-client.ts";
import { print, say, table } from "../output.ts";
import { ensurePki } from "../pki.ts";
import { processesOf } from "../processes.ts";
import { accessOf } from "./up.ts";

export interface MemberStatus {
  readonly name: string;
  readonly role: "leader" | "follower" | "learner" | "candidate" | "unreachable";
  readonly term: number;
  readonly pid: number;
  readonly address: string;
}

export interface NodeStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly pid: number;
}

export const status: Command = {
  name: "status",
  summary:
    "Masters and nodes of a cluster.\nExit code 0: healthy, 1: degraded, 5: no master answers, 3: no such cluster.",
  examples: ["troupe status --name dev", "troupe status -o json"],
  options: [...clusterOptions, outputOption("table (default) or json")],
  async run(values) {
    const output = parseChoice("output", text(values, "output") ?? "table", ["table", "json"]);
    const found = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
    const pki = await ensurePki(layoutOf(found.dataDir).pki, found.cluster);
    const access = accessOf(found.cluster, pki);
    const members = await membersOf(found, access);
    const nodes = await nodesOf(found, access);
    if (output === "json") {
      const shown = nodes.map((node) => ({ ...node, pid: Math.max(0, node.pid) }));
      print(JSON.stringify({ name: found.cluster.name, members, nodes: shown }, undefined, 2));
    } else {
      show(found, members, nodes);
    }
    return healthOf(members, nodes) === "healthy" ? 0 : healthOf(members, nodes) === "degraded" ? 1 : 5;
  },
};

export type Health = "healthy" | "degraded" | "no master answers";

/** A node that is Ready but whose agent is gone will not stay so; -1 stands for one on another machine. */
export function healthOf(members: readonly MemberStatus[], nodes: readonly NodeStatus[]): Health {
  const lost = members.filter((member) => member.role === "unreachable").length;
  if (lost === members.length) return "no master answers";
  return lost === 0 && nodes.every(({ ready, pid }) => ready && pid !== 0) ? "healthy" : "degraded";
}

const elsewhere = -1;

/** Masters on machines of their own: as this one knows them, itself first asked on its own address. */
async function membersElsewhere(
  { dataDir, cluster }: Registered,
  { machine, pid }: { readonly machine: MachineMaster; readonly pid: number },
  access: ApiAccess,
): Promise<readonly MemberStatus[]> {
  const own = { name: machine.name, pid, address: `https://${machine.host}:${cluster.apiPort}` };
  const listed = await get(access, membersPath, 2_000).catch(() => undefined);
  if (listed?.status !== 200) return [await memberOf(own, access)];
  const { members } = JSON.parse(listed.body) as MembersAnswer;
  say(`as the master in ${dataDir} knows them; ${self} member list says more`);
  return Promise.all(
    members.map(({ id, api }) => {
      if (id === machine.memberId || api === undefined) return memberOf(own, access);
      return memberOf({ name: `m${id}`, pid: 0, address: `https://${api}` }, { ...access, ...splitHostPort(api) });
    }),
  );
}

async function membersOf({ dataDir, cluster }: Registered, access: ApiAccess): Promise<readonly MemberStatus[]> {
  const servers = processesOf(dataDir).filter((process) => process.role === "server");
  const { masters, machine } = cluster;
  if (machine !== undefined) {
    return membersElsewhere({ name: cluster.name, dataDir, cluster }, { machine, pid: servers[0]?.pid ?? 0 }, access);
  }
  if (masters === undefined) {
    const address = `https://${masterAddress(cluster)}:${cluster.apiPort}`;
    return [await memberOf({ name: "m1", pid: servers[0]?.pid ?? 0, address }, access)];
  }
  return Promise.all(
    masters.map(({ name, apiPort: port }) => {
      const pid = servers.find(({ node }) => node === name)?.pid ?? 0;
      return memberOf({ name, pid, address: `https://127.0.0.1:${port}` }, { ...access, port });
    }),
  );
}

async function memberOf(
  known: Pick<MemberStatus, "name" | "pid" | "address">,
  access: ApiAccess,
): Promise<MemberStatus> {
  const { name, pid, address } = known;
  const unreachable: MemberStatus = { ...known, role: "unreachable", term: 0 };
  try {
    const answer = await get(access, "/troupe/v1/member", 2_000);
    if (answer.status !== 200) return unreachable;
    const said = JSON.parse(answer.body) as Pick<MemberStatus, "name" | "role" | "term">;
    return { name: said.name, role: said.role, term: said.term, pid, address };
  } catch (error) {
    say(`! ${name} does not answer on ${address}: ${error instanceof Error ? error.message : String(error)}`);
    return unreachable;
  }
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

async function nodesOf({ dataDir, cluster }: Registered, access: ApiAccess): Promise<readonly NodeStatus[]> {
  const agents = processesOf(dataDir).filter((process) => process.role === "agent");
  const pidOf = (name: string): number =>
    agents.find((agent) => agent.node === name)?.pid ?? (cluster.machine === undefined ? 0 : elsewhere);
  const listed = await get(access, "/api/v1/nodes", 2_000).catch(() => undefined);
  if (listed?.status !== 200) return cluster.nodes.map((name) => ({ name, ready: false, pid: pidOf(name) }));
  return (JSON.parse(listed.body) as NodeList).items.map(({ metadata, status: facts }) => ({
    name: metadata.name,
    ready: facts?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true,
    pid: pidOf(metadata.name),
  }));
}

function show({ cluster }: Registered, members: readonly MemberStatus[], nodes: readonly NodeStatus[]): void {
  const ready = nodes.filter((node) => node.ready).length;
  const counted = `${count(members.length, "master")}, ${count(nodes.length, "node")} (${ready} Ready)`;
  print(`cluster ${cluster.name}   ${healthOf(members, nodes)}, ${counted}`);
  print(
    table(
      ["MASTER", "ROLE", "TERM", "PID", "ADDRESS"],
      members.map((member) => [member.name, member.role, String(member.term), pidText(member.pid), member.address]),
    ),
  );
  print(
    table(
      ["NODE", "READY", "PID"],
      nodes.map((node) => [node.name, node.ready ? "yes" : "no", pidText(node.pid)]),
    ),
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** 0 stands for no process, below it for one on another machine. */
function pidText(pid: number): string {
  return pid <= 0 ? "-" : String(pid);
}
