/**
 * `npm run bench -- pods`: 50 pods of one Deployment until all are Running, against the floor.
 *
 * Method. One cluster in a network namespace of its own. A worker in it (support/pods-worker.ts)
 * creates the Deployment over HTTPS and watches its pods until the 50th says Running. The floor is the
 * same calls made raw, on a second containerd of the same configuration beside it: for each pod its
 * address file, its cgroup, RunPodSandbox, CreateContainer and StartContainer with the very
 * configurations that the agent would send (same images, CNI plugin, cgroup parent, DNS, security; a
 * bind mount for each that the agent gives), 4 and 8 pods at once. No API, scheduler, token, status or
 * event is part of it. Rounds alternate: product, floor at 4, floor at 8; all is taken down between
 * rounds and its end is not measured. The first round of each warms up and does not count. Figures are
 * medians; the ratio is the product's to the better floor's.
 */
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { createCluster, load, median, round, say } from "./support/cluster.ts";
import type { Round } from "./support/pods-worker.ts";

const pods = 50;
const rounds = Number(process.argv[3] ?? 3);

export async function run(): Promise<object> {
  const cluster = createCluster();
  const { machine } = cluster;
  try {
    say(await cluster.up());
    const script = fileURLToPath(new URL("support/pods-worker.js", import.meta.url));
    const worker = machine.start(process.execPath, [script, cluster.dataDir, machine.folder, cluster.name]);
    worker.stderr!.pipe(process.stderr);
    const answers = createInterface(worker.stdout!)[Symbol.asyncIterator]();
    const ask = async (what: string): Promise<Round> => {
      worker.stdin!.write(`${what}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error("the worker has ended");
      const got = JSON.parse(value as string) as Round;
      say(`${what}: ${JSON.stringify(got)}  load ${load()}`);
      return got;
    };
    const got: Record<string, Round[]> = { product: [], "floor 4": [], "floor 8": [] };
    for (let turn = 0; turn <= rounds; turn += 1) {
      for (const [what, list] of Object.entries(got)) {
        const one = await ask(`${what} ${pods}`);
        if (turn > 0) list.push(one);
      }
    }
    const ended = once(worker, "exit");
    worker.stdin!.end();
    await ended;
    return summary(got);
  } finally {
    await machine.dispose();
  }
}

function summary(got: Readonly<Record<string, readonly Round[]>>): object {
  const time = (what: string): number => round(median(got[what]!.map(({ ms }) => ms)));
  const product = time("product");
  const floor = Math.min(time("floor 4"), time("floor 8"));
  const cpu = (what: string): object => {
    const roles = new Set(got[what]!.flatMap(({ cpuMsPerPod }) => Object.keys(cpuMsPerPod)));
    return Object.fromEntries(
      [...roles].map((role) => [role, round(median(got[what]!.map(({ cpuMsPerPod }) => cpuMsPerPod[role] ?? 0)))]),
    );
  };
  return {
    bench: "pods",
    pods,
    rounds,
    ratio: round(product / floor),
    runningMs: product,
    floorAt4Ms: time("floor 4"),
    floorAt8Ms: time("floor 8"),
    cpuMsPerPod: { product: cpu("product"), floorAt4: cpu("floor 4"), floorAt8: cpu("floor 8") },
    method: "Deployment of 50 until the watch shows 50 Running; floor: the same CRI calls raw on an equal containerd",
  };
}
