/** CPU profiles of this process by function group, for benches that ask where time goes. */
import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";

export interface Profile {
  /** CPU ms by room (`store`, `api/verbs`, `node:net` …), largest first; `gc` is its share of all collections. */
  readonly byRoom: Readonly<Record<string, number>>;
  /** CPU ms with callees, by `function file`, largest first. */
  readonly byFunction: Readonly<Record<string, number>>;
  readonly totalMs: number;
}

interface Frame {
  readonly name: string;
  readonly file: string;
}

/** Runs `work` under the profiler. `counts` tells by its frames, outermost first, whether a sample belongs. */
export async function profiled(
  work: () => Promise<void>,
  counts: (frames: readonly Frame[]) => boolean = () => true,
): Promise<Profile> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 500 });
  await session.post("Profiler.start");
  const before = mainThreadMs();
  await work();
  const cpuMs = mainThreadMs() - before;
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();

  const parents = new Map<number, number>();
  const frames = new Map<number, Frame>();
  for (const { id, callFrame, children = [] } of profile.nodes) {
    frames.set(id, { name: callFrame.functionName || "(anonymous)", file: shortFile(callFrame.url) });
    for (const child of children) parents.set(child, id);
  }
  const stackOf = (id: number): Frame[] => {
    const stack: Frame[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) stack.unshift(frames.get(at)!);
    return stack;
  };
  const selfMs = new Map<number, number>();
  profile.samples?.forEach((id, at) => selfMs.set(id, (selfMs.get(id) ?? 0) + (profile.timeDeltas?.[at] ?? 0) / 1_000));

  const rooms = new Map<string, number>();
  const functions = new Map<string, number>();
  let allMs = 0;
  let gcMs = 0;
  let countedMs = 0;
  const add = (to: Map<string, number>, key: string, ms: number): void => void to.set(key, (to.get(key) ?? 0) + ms);
  for (const [id, ms] of selfMs) {
    const stack = stackOf(id);
    const leaf = stack.at(-1)!;
    if (leaf.name === "(idle)" || leaf.name === "(program)") continue;
    allMs += ms;
    if (leaf.name === "(garbage collector)") gcMs += ms;
    if (!counts(stack)) continue;
    countedMs += ms;
    add(rooms, roomOf(stack), ms);
    const names = new Set(stack.filter(({ file }) => file !== "").map(({ name, file }) => `${name} ${file}`));
    for (const name of names) add(functions, name, ms);
  }
  rooms.set("gc", gcMs * (countedMs / (allMs - gcMs)));
  // Samples are taken by wall time, which other processes share: only their proportions count.
  const scale = cpuMs / allMs;
  const totalMs = (countedMs + rooms.get("gc")!) * scale;
  return { byRoom: sorted(rooms, scale), byFunction: sorted(functions, scale), totalMs };
}

/** CPU time of the main thread, in ms: JavaScript without the threads of V8 and of libuv. */
function mainThreadMs(): number {
  return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[0]) / 1e6;
}

/** A native leaf (JSON, hashing, files) counts for the room that called it. */
function roomOf(stack: readonly Frame[]): string {
  const owner = stack.findLast(({ file }) => file !== "");
  return owner === undefined ? "native" : owner.file.replace(/\/[^/]*$/, "");
}

function shortFile(url: string): string {
  return url.replace(/^.*\/dist\/(src\/)?/, "").replace(/^.*\/node_modules\//, "npm/");
}

function sorted(map: ReadonlyMap<string, number>, scale: number): Record<string, number> {
  return Object.fromEntries([...map].toSorted(([, a], [, b]) => b - a).map(([name, ms]) => [name, ms * scale]));
}
