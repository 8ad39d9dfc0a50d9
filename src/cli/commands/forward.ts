/**
 * One local address for all masters of a cluster. For a cluster that `up` has made here the keeper runs it, as a
 * process of its own: clients lose nothing when the keeper does. For any other machine it goes by a context of the
 * kubeconfig, learns the masters from the cluster, and keeps what it has learned in a file.
 */
import { join, dirname, resolve } from "node:path";
import { readKubeconfig } from "../../client/main.ts";
import { messageOf, UserError } from "../../util/errors.ts";
import { get, type ApiAccess } from "../api-client.ts";
import { parseCount } from "../arguments.ts";
import { layoutOf, readCluster, readText, registryFolder, writeAtomic } from "../cluster-file.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { startForwarder, type Forwarder } from "../forwarder.ts";
import { addContext, kubeconfigPath } from "../kubeconfig.ts";
import { say } from "../output.ts";
import { ensurePki } from "../pki.ts";

export const forward: Command = {
  name: "forward",
  summary:
    "Takes connections for a cluster's API and carries them to a master that\n" +
    "answers. It learns from the cluster which masters there are.",
  examples: ["troupe forward --context prod --use", "troupe forward --to 10.0.0.1:6443,10.0.0.2:6443 --port 7443"],
  options: [
    { name: "context", type: "string", value: "NAME", help: "context of the kubeconfig (the current one)" },
    { name: "to", type: "string", value: "HOST:PORT,...", help: "masters to begin with (the context's server)" },
    { name: "port", type: "string", value: "N", help: "port of the API here; gRPC takes the next (7443)" },
    {
      name: "use",
      type: "boolean",
      help: "add the context NAME-forward, and make it current",
    },
    {
      name: "data-dir",
      type: "string",
      value: "DIR",
      help: "or: of a cluster that up made; its keeper does this",
    },
  ],
  async run(values) {
    const dataDir = text(values, "data-dir");
    const forwarder = await (dataDir === undefined ? forContext(values) : forCluster(resolve(dataDir)));
    await new Promise<void>((settle) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => settle());
    });
    forwarder.stop();
    // A client's connection that is still open holds nobody up.
    process.exit(0);
  },
};

const portDefault = 7_443;
const portMax = 65_534;
const loopback = "127.0.0.1";
/** Far away: a question is a journey. A connection that breaks hastens it. */
const pollMs = 1_000;
const lookEveryMs = 30_000;
const lookMs = 5_000;

/** Of a cluster on this machine: its masters stand in its file, and it has ports for this. */
async function forCluster(dataDir: string): Promise<Forwarder> {
  const cluster = await readCluster(dataDir);
  if (cluster?.masters === undefined) {
    throw new UserError("TRP-0111", `there is no cluster with several masters at ${dataDir}`, {
      hint: "troupe up --masters 3",
      exitCode: 3,
    });
  }
  const { masters, apiPort, grpcPort } = cluster;
  const { servingAuthority } = await ensurePki(layoutOf(dataDir).pki, cluster);
  const addresses = masters.map((master) => `${loopback}:${master.apiPort}`);
  const common = { host: "0.0.0.0", apiPort, grpcPort, complain };
  return startForwarder({ ...common, masters: () => addresses, authority: () => servingAuthority });
}

async function forContext(values: Values): Promise<Forwarder> {
  const wanted = text(values, "context");
  const credentials = readKubeconfig(wanted === undefined ? {} : { context: wanted });
  const { context } = credentials;
  const port = parseCount("port", text(values, "port") ?? String(portDefault), portMax);
  const masters = await Masters.open(context, seedsOf(values, apiOf(credentials.address), port));
  const forwarder = await startForwarder({
    host: loopback,
    apiPort: port,
    grpcPort: port + 1,
    masters: () => masters.all,
    authority: () => credentials.authority,
    pollMs,
    complain,
  });
  const { authority, certificate, key } = credentials;
  if (certificate !== undefined && key !== undefined) {
    masters.follow({ authority, certificate, key }, () => forwarder.refresh());
    if (flag(values, "use")) await addContextTo(`${context}-forward`, port, { authority, certificate, key });
  } else say("! the context has no client certificate: the list of masters stays as it is");
  say(`https://${loopback}:${port} leads to ${masters.all.join(", ")}; gRPC on the next port`);
  return forwarder;
}

async function addContextTo(
  name: string,
  port: number,
  pems: Pick<ApiAccess, "authority" | "certificate" | "key">,
): Promise<void> {
  await addContext(resolve(kubeconfigPath()), { name, server: `https://${loopback}:${port}`, ...pems });
  say(`kubectl context "${name}" is set`);
}

function seedsOf(values: Values, server: string, ownPort: number): readonly string[] {
  const to = text(values, "to")?.split(",");
  for (const address of to ?? []) {
    if (/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/.test(address)) continue;
    throw new UserError("TRP-0103", `--to ${address} cannot be understood`, {
      cause: new Error("it takes HOST:PORT of the masters' API, with commas between several"),
      exitCode: 2,
    });
  }
  const seeds = to ?? [server];
  if (!seeds.includes(`${loopback}:${ownPort}`)) return seeds;
  throw new UserError(
    "TRP-0103",
    `the context leads to port ${ownPort} of this machine, where the forwarder itself is`,
    {
      hint: "name a master: troupe forward --to HOST:PORT, or take another --port",
      exitCode: 2,
    },
  );
}

/** The client's `host:port` is that of gRPC. */
function apiOf(grpc: string): string {
  const colon = grpc.lastIndexOf(":");
  return `${grpc.slice(0, colon)}:${Number(grpc.slice(colon + 1)) - 1}`;
}

interface MembersAnswer {
  readonly members: readonly { readonly api?: string }[];
}

/** What is known of the masters: those told at the beginning are tried for ever: a list can be old. */
class Masters {
  readonly #path: string;
  readonly #seeds: readonly string[];
  #known: readonly string[];

  private constructor(path: string, seeds: readonly string[], known: readonly string[]) {
    this.#path = path;
    this.#seeds = seeds;
    this.#known = known;
  }

  static async open(context: string, seeds: readonly string[]): Promise<Masters> {
    const path = join(dirname(registryFolder()), "forward", `${encodeURIComponent(context)}.json`);
    return new Masters(path, seeds, await readKnown(path));
  }

  get all(): readonly string[] {
    return [...new Set([...this.#known, ...this.#seeds])];
  }

  /** For the rest of the process's life. */
  follow(pems: Pick<ApiAccess, "authority" | "certificate" | "key">, changed: () => void): void {
    const look = async (): Promise<void> => {
      const told = await this.#ask(pems);
      if (told !== undefined && told.join() !== this.#known.join()) {
        this.#known = told;
        await writeAtomic(this.#path, `${JSON.stringify({ masters: told })}\n`).catch((error: unknown) =>
          complain(`${this.#path}: ${messageOf(error)}`),
        );
        changed();
      }
      setTimeout(() => void look(), lookEveryMs).unref();
    };
    void look();
  }

  /** Any master may be asked; one that is not there is passed over. */
  async #ask(pems: Pick<ApiAccess, "authority" | "certificate" | "key">): Promise<readonly string[] | undefined> {
    for (const address of this.all) {
      const colon = address.lastIndexOf(":");
      const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
      const access = { ...pems, host, port: Number(address.slice(colon + 1)) };
      try {
        const answer = await get(access, "/troupe/v1/members", lookMs);
        if (answer.status !== 200) continue;
        const { members } = JSON.parse(answer.body) as MembersAnswer;
        const told = members.flatMap(({ api }) => api ?? []);
        if (told.length > 0) return told;
      } catch (error) {
        complain(`${address}: ${messageOf(error)}`);
      }
    }
    return undefined;
  }
}

/** A file that cannot be read is one that was not there. */
async function readKnown(path: string): Promise<readonly string[]> {
  const words = await readText(path);
  if (words === undefined) return [];
  try {
    const { masters } = JSON.parse(words) as { readonly masters?: readonly string[] };
    return (masters ?? []).filter((master) => typeof master === "string");
  } catch (error) {
    complain(`${path}: ${messageOf(error)}`);
    return [];
  }
}

/** Into forward.log, where the keeper has started it. */
function complain(words: string): void {
  process.stderr.write(`${new Date().toISOString()} ${words}\n`);
}
