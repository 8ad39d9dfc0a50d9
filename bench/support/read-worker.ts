/** Runs inside the bench's namespace: makes pods that nobody schedules, and reads them. */
import type { OutgoingHttpHeaders } from "node:http2";
import { Api, readAccess } from "./api.ts";
import { cpuMs, median, pidsOf, round } from "./cluster.ts";
import { load } from "./load.ts";
import { answerAll } from "./worker.ts";

export type Question =
  | { readonly what: "fill"; readonly pods: number }
  | { readonly what: "get"; readonly inFlight: number; readonly forMs: number }
  | { readonly what: "list" | "table"; readonly times: number };

export interface ListRound {
  readonly ms: number;
  readonly serverCpuMs: number;
  readonly megabytes: number;
}

const [dataDir, folder] = process.argv.slice(2) as [string, string];
const [server] = pidsOf(dataDir, "server") as [number];
const api = new Api(readAccess(folder), 4);
const path = "/api/v1/namespaces/default/pods";
const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const fillAtOnce = 64;

/** A pod of some size; a scheduler that does not exist leaves it alone. */
function podOf(number: number): Buffer {
  const name = `bench-${String(number).padStart(6, "0")}`;
  const env = Array.from({ length: 8 }, (_, at) => ({ name: `NAME_${at}`, value: `value-${at}` }));
  const resources = { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } };
  const container = {
    name: "app",
    image: "localhost/troupe/busybox:1",
    env,
    resources,
    ports: [{ containerPort: 80 }],
  };
  const spec = { schedulerName: "nobody", containers: [container] };
  const metadata = { name, labels: { app: "bench", "pod-template-hash": "5d8f9c7b6" } };
  return Buffer.from(JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata, spec }));
}

async function fill(pods: number): Promise<object> {
  let next = 0;
  const one = async (): Promise<void> => {
    for (let number = next++; number < pods; number = next++) await api.expect(201, "POST", path, podOf(number));
  };
  await Promise.all(Array.from({ length: fillAtOnce }, one));
  const body = await api.expect(200, "GET", `${path}/bench-000000`);
  return { podBytes: body.length };
}

async function get(inFlight: number, forMs: number): Promise<object> {
  let at = 0;
  let before = 0;
  const begins = (): void => void (before = cpuMs(server));
  const result = await load({ inFlight, warmUpMs: 1_000, forMs, begins }, async () => {
    at = (at + 1) % 1_000;
    await api.expect(200, "GET", `${path}/bench-${String(at).padStart(6, "0")}`);
  });
  return { ...result, serverUsPerGet: round(((cpuMs(server) - before) * 1_000) / result.count) };
}

/** Medians of one list after the other; the first does not count. */
async function list(times: number, headers: OutgoingHttpHeaders): Promise<ListRound> {
  const rounds: ListRound[] = [];
  for (let time = 0; time <= times; time += 1) {
    const [before, startMs] = [cpuMs(server), performance.now()];
    const body = await api.expect(200, "GET", "/api/v1/pods", undefined, headers);
    const ms = performance.now() - startMs;
    if (time > 0) rounds.push({ ms, serverCpuMs: cpuMs(server) - before, megabytes: body.length / 1e6 });
  }
  const middle = (of: keyof ListRound): number => round(median(rounds.map((each) => each[of])));
  return { ms: middle("ms"), serverCpuMs: middle("serverCpuMs"), megabytes: middle("megabytes") };
}

await answerAll((line) => {
  const question = JSON.parse(line) as Question;
  switch (question.what) {
    case "fill":
      return fill(question.pods);
    case "get":
      return get(question.inFlight, question.forMs);
    case "list":
      return list(question.times, { accept: "application/json" });
    case "table":
      return list(question.times, { accept: tableType });
  }
});
process.exit(0);
