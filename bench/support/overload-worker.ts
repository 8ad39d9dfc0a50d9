/**
 * Runs inside the bench's namespace. Each line on stdin is an `Asked`; each is answered by a line on
 * stdout, an `Outcome`. Usage: overload-worker FOLDER
 */
import { readFileSync } from "node:fs";
import { connect, type ClientHttp2Session } from "node:http2";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import { pause, percentile, round } from "./cluster.ts";

export interface Asked {
  readonly inFlight: number;
  readonly seconds: number;
  /** Comes back after Retry-After; else at once. */
  readonly isPatient: boolean;
}

export interface Outcome {
  readonly done: number;
  /** 429. */
  readonly refused: number;
  /** Any other answer, or none. */
  readonly failed: number;
  /** Of those done. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly leases: { readonly renewed: number; readonly failed: number; readonly p99Ms: number };
}

const connections = 12;
const objects = 1_000;
const leaseEveryMs = 200;
const folder = process.argv[2]!;
const { cluster, user } = readKubeconfig();
const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64");

function readKubeconfig(): {
  readonly cluster: Readonly<Record<string, string>>;
  readonly user: Readonly<Record<string, string>>;
} {
  const config = parse(readFileSync(join(folder, "kubeconfig"), "utf8")) as {
    readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
    readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
  };
  return { cluster: config.clusters[0]!.cluster, user: config.users[0]!.user };
}

function open(): ClientHttp2Session {
  const session = connect(cluster["server"]!, {
    ca: bytes(cluster["certificate-authority-data"]),
    cert: bytes(user["client-certificate-data"]),
    key: bytes(user["client-key-data"]),
  });
  session.on("error", (error) => process.stderr.write(`connection: ${error.message}\n`));
  return session;
}

interface Answer {
  /** 0: none came. */
  readonly status: number;
  readonly retryAfterMs: number;
}

function send(session: ClientHttp2Session, method: string, path: string, body: Buffer): Promise<Answer> {
  const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": method,
      ":path": path,
      "content-type": contentType,
      "content-length": body.length,
    });
    let answer: Answer = { status: 0, retryAfterMs: 0 };
    stream.on("response", (headers) => {
      answer = { status: headers[":status"] ?? 0, retryAfterMs: Number(headers["retry-after"] ?? 0) * 1_000 };
    });
    // What went wrong shows as an answer that is not there.
    stream.on("error", () => undefined);
    stream.on("close", () => resolve(answer));
    stream.resume();
    stream.end(body);
  });
}

const maps = "/api/v1/namespaces/default/configmaps";
const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const sessions = Array.from({ length: connections }, open);
const aside = open();

function configMap(name: string, value: number): Buffer {
  const data = { value: String(value).padStart(1_024, "0") };
  return Buffer.from(JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data }));
}

function lease(count: number): Buffer {
  const spec = { holderIdentity: `bench-${count}`, leaseDurationSeconds: 15 };
  return Buffer.from(
    JSON.stringify({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "bench" }, spec }),
  );
}

async function prepare(): Promise<void> {
  for (let from = 0; from < objects; from += 50) {
    const some = Array.from({ length: 50 }, (_, index) => `overload-${from + index}`);
    await Promise.all(some.map((name) => make(maps, configMap(name, 0))));
  }
  await make(leases, lease(0));
}

async function make(path: string, body: Buffer): Promise<void> {
  const { status } = await send(aside, "POST", path, body);
  if (status !== 201) throw new Error(`POST ${path}: ${status}`);
}

interface Tally {
  done: number;
  refused: number;
  failed: number;
  readonly tookMs: number[];
}

async function work(asked: Asked, endMs: number, tally: Tally, index: number): Promise<void> {
  const session = sessions[index % connections]!;
  for (let round_ = 0; performance.now() < endMs; round_ += 1) {
    const name = `overload-${(index * 7 + round_ * 13) % objects}`;
    const began = performance.now();
    const { status, retryAfterMs } = await send(
      session,
      "PUT",
      `${maps}/${name}`,
      configMap(name, round_ * 10_000 + index),
    );
    if (performance.now() > endMs) return;
    if (status === 200) {
      tally.done += 1;
      tally.tookMs.push(performance.now() - began);
    } else if (status === 429) {
      tally.refused += 1;
      // Spread a little, as clients' back-off is.
      if (asked.isPatient) await pause(retryAfterMs * (1 + (index % 10) / 20));
    } else {
      tally.failed += 1;
      await pause(100);
    }
  }
}

async function renew(endMs: number): Promise<Outcome["leases"]> {
  const tookMs: number[] = [];
  let failed = 0;
  while (performance.now() < endMs) {
    const began = performance.now();
    const { status } = await send(aside, "PATCH", `${leases}/bench`, lease(tookMs.length));
    if (status === 200) tookMs.push(performance.now() - began);
    else failed += 1;
    await pause(Math.max(0, leaseEveryMs - (performance.now() - began)));
  }
  return { renewed: tookMs.length, failed, p99Ms: part(tookMs, 0.99) };
}

const part = (values: readonly number[], share: number): number =>
  values.length === 0 ? 0 : round(percentile(values, share));

async function measure(asked: Asked): Promise<Outcome> {
  const endMs = performance.now() + asked.seconds * 1_000;
  const tally: Tally = { done: 0, refused: 0, failed: 0, tookMs: [] };
  const workers = Array.from({ length: asked.inFlight }, (_, index) => work(asked, endMs, tally, index));
  const [renewed] = await Promise.all([renew(endMs), ...workers]);
  const { tookMs, ...counts } = tally;
  return {
    ...counts,
    p50Ms: part(tookMs, 0.5),
    p99Ms: part(tookMs, 0.99),
    leases: renewed,
  };
}

await prepare();
for await (const line of createInterface(process.stdin)) {
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(line) as Asked))}\n`);
}
for (const session of [...sessions, aside]) session.close();
