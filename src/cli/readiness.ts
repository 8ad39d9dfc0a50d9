/** Waits until master and nodes of a cluster are ready; says what was missing at the deadline. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../util/errors.ts";
import { get, type ApiAccess } from "./api-client.ts";
import { layoutOf } from "./cluster-file.ts";

const pollMs = 40;
const logLines = 5;

export interface Waiting {
  readonly dataDir: string;
  readonly access: ApiAccess;
  readonly deadlineMs: number;
}

/** `log`: of a master that is waited for; its end is told when the time is over. */
export async function waitForMaster({ dataDir, access, deadlineMs }: Waiting, log = "server.log"): Promise<string> {
  await until(
    deadlineMs,
    async () => (await get(access, "/readyz", 2_000)).status === 200,
    async () => {
      throw await timeout(dataDir, "the master is not ready", log);
    },
  );
  return `https://127.0.0.1:${access.port}`;
}

interface NodeFacts {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly capacity?: Readonly<Record<string, string>>;
  };
}

export async function waitForNode({ dataDir, access, deadlineMs }: Waiting, node: string): Promise<string> {
  let facts: NodeFacts = {};
  const isReady = async (): Promise<boolean> => {
    const answer = await get(access, `/api/v1/nodes/${node}`);
    facts = answer.status === 200 ? (JSON.parse(answer.body) as NodeFacts) : {};
    return facts.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  };
  await until(deadlineMs, isReady, async () => {
    const why = facts.status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "its agent has not reported";
    throw await timeout(dataDir, `node ${node} is not Ready: ${why}`, `agent-${node}.log`);
  });
  const address = facts.status?.addresses?.find(({ type }) => type === "InternalIP")?.address ?? "?";
  const capacity = facts.status?.capacity ?? {};
  return `${address} Ready, ${capacity["cpu"] ?? "?"} cpu, ${capacity["memory"] ?? "?"}, ${capacity["pods"] ?? "?"} pods`;
}

async function until(deadlineMs: number, isTrue: () => Promise<boolean>, late: () => Promise<never>): Promise<void> {
  for (;;) {
    // Nobody listens yet, or the process is between two starts: ask again until the deadline.
    if (await isTrue().catch(() => false)) return;
    if (Date.now() > deadlineMs) await late();
    await new Promise((settle) => setTimeout(settle, pollMs));
  }
}

async function timeout(dataDir: string, what: string, log: string): Promise<UserError> {
  const path = join(layoutOf(dataDir).logs, log);
  const tail = (await readFile(path, "utf8").catch(() => "")).trimEnd().split("\n").slice(-logLines).join("\n       ");
  return new UserError("TRP-0109", `${what} in time; nothing was undone`, {
    cause: new Error(tail === "" ? `${path} is empty` : `${path} ends with\n       ${tail}`),
    hint: "the same command again waits on, a longer time with --wait 2m",
    exitCode: 4,
  });
}
