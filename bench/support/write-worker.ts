/** Runs inside the bench's namespace: creates (and gets) ConfigMaps through a door, or writes bare records. */
import { join } from "node:path";
import { readKubeconfig } from "../../src/client/main.ts";
import { createGrpcTransport, type Credentials, type Transport } from "../../src/client/transport.ts";
import { realClock } from "../../src/env/real/clock.ts";
import { createRealDisk } from "../../src/env/real/disk.ts";
import { loadService } from "../../src/env/real/proto.ts";
import { Api, readAccess } from "./api.ts";
import { CallsConnection, createCall, getCall, refBytes } from "./calls-wire.ts";
import { cpuMs, pidsOf, round } from "./cluster.ts";
import { load, type Load, type LoadOptions } from "./load.ts";
import { answerAll } from "./worker.ts";

/** `callsGet`: reads what `calls` wrote. */
export type DoorName = "https" | "grpc" | "calls" | "callsGet";

export interface Question {
  readonly what: DoorName | "bare";
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly forMs: number;
  /** Of gRPC, where it is not the one behind the kubeconfig's: a master behind the forwarder. */
  readonly grpcPort?: number;
}

export interface WriteRound extends Load {
  readonly serverUsPerCreate: number;
  readonly clientUsPerCreate: number;
}

const [dataDir, folder] = process.argv.slice(2) as [string, string];
const servers = pidsOf(dataDir, "server");
const serversMs = (): number => servers.reduce((sum, pid) => sum + cpuMs(pid), 0);
let grpcPort: number | undefined;
const connections = 4;
const path = "/api/v1/namespaces/default/configmaps";
const ref = { version: "v1", resource: "configmaps", namespace: "default" };
const text = "x".repeat(870);
let count = 0;

const nameOf = (number: number): string => `bench-${String(number).padStart(9, "0")}`;

/** 1 KiB of JSON, each with a name of its own. */
function configMap(): Buffer {
  count += 1;
  const metadata = { name: nameOf(count), labels: { app: "bench" } };
  return Buffer.from(JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { text } }));
}

interface Door {
  readonly create: () => Promise<unknown>;
  readonly close: () => void;
}

/** How each door creates one object. `calls`: all calls on one gRPC stream, written by hand. */
const doors: Readonly<Record<DoorName, () => Door | Promise<Door>>> = {
  calls: () => onStream(() => createCall(refBytes(ref), configMap()), 201),
  callsGet: () => {
    let next = 0;
    return onStream(() => {
      next = (next % count) + 1;
      return getCall(refBytes({ ...ref, name: nameOf(next) }));
    }, 200);
  },
  https: () => {
    const api = new Api(readAccess(folder), connections);
    return { create: () => api.expect(201, "POST", path, configMap()), close: () => api.close() };
  },
  grpc: () => {
    const transport = connectGrpc();
    return {
      create: () => transport.unary("Create", { ref, object: configMap() }),
      close: () => transport.close(),
    };
  },
};

/** All calls on one stream. */
async function onStream(next: () => Uint8Array, wanted: number): Promise<Door> {
  const { port, credentials } = grpcAccess();
  const { authority, certificate = "", key = "" } = credentials;
  const connection = await CallsConnection.open({ port, authority, certificate, key });
  return {
    create: async () => {
      const code = await connection.call(next());
      if (code !== wanted) throw new Error(`the call was answered ${code}`);
    },
    close: () => connection.close(),
  };
}

function grpcAccess(): { readonly port: number; readonly credentials: Credentials } {
  const credentials = readKubeconfig({ kubeconfig: join(folder, "kubeconfig") });
  return { port: grpcPort ?? Number(credentials.address.split(":").at(-1)), credentials };
}

function connectGrpc(): Transport {
  const { port, credentials } = grpcAccess();
  return createGrpcTransport(
    { ...credentials, address: `127.0.0.1:${port}` },
    loadService("api.proto", "troupe.v1.Api"),
    realClock,
  );
}

async function through(door: DoorName, options: LoadOptions): Promise<WriteRound> {
  const { create, close } = await doors[door]();
  const spent = { server: 0, client: 0 };
  const begins = (): void => {
    spent.server = serversMs();
    spent.client = process.cpuUsage().user + process.cpuUsage().system;
  };
  const result = await load({ ...options, begins }, async () => void (await create()));
  const own = process.cpuUsage();
  close();
  return {
    ...result,
    serverUsPerCreate: round(((serversMs() - spent.server) * 1_000) / result.count),
    clientUsPerCreate: round((own.user + own.system - spent.client) / result.count),
  };
}

/** Records of 1 KiB on the log's own disk, O_DSYNC into a file that is filled: all that wait share one write. */
async function bare(options: LoadOptions): Promise<Load> {
  const disk = createRealDisk(join(dataDir, "master"));
  const fileBytes = 64 << 20;
  const file = await disk.open("bench-bare", "dsync");
  for (let at = 0; at < fileBytes; at += 4 << 20) await file.write(at, [new Uint8Array(4 << 20)]);
  const record = new Uint8Array(1_024).fill(120);
  let waiting: (() => void)[] = [];
  let isWriting = false;
  let at = 0;
  const drain = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      if (at + batch.length * record.length > fileBytes) at = 0;
      await file.write(
        at,
        batch.map(() => record),
      );
      at += batch.length * record.length;
      for (const done of batch) done();
      // Whoever was answered asks again: that belongs to the next batch.
      await Promise.resolve();
    }
    isWriting = false;
  };
  const result = await load(
    options,
    () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (!isWriting) void drain();
      }),
  );
  await file.close();
  await disk.remove("bench-bare");
  return result;
}

await answerAll((line) => {
  const { what, grpcPort: port, ...options } = JSON.parse(line) as Question;
  grpcPort = port;
  return what === "bare" ? bare(options) : through(what, options);
});
process.exit(0);
