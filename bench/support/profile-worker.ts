/**
 * Runs inside the bench's namespace: PID MS PATH. Opens the process's inspector, profiles it for so long, and closes
 * the inspector again: all processes open theirs at the same port.
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { WebSocket } from "ws";
import { pause } from "./cluster.ts";

const [pid, forMs, path] = process.argv.slice(2) as [string, string, string];
const list = "http://127.0.0.1:9229/json/list";

process.kill(Number(pid), "SIGUSR1");
const socket = new WebSocket(await inspectorUrl(), { perMessageDeflate: false, maxPayload: 2 ** 30 });
await once(socket, "open");
let last = 0;
const waiting = new Map<number, (result: unknown) => void>();
socket.on("message", (bytes: Buffer) => {
  const { id, result } = JSON.parse(bytes.toString()) as { readonly id?: number; readonly result?: unknown };
  if (id !== undefined) waiting.get(id)?.(result);
});
await post("Profiler.enable");
await post("Profiler.setSamplingInterval", { interval: 200 });
await post("Profiler.start");
await pause(Number(forMs));
const { profile } = (await post("Profiler.stop")) as { readonly profile: object };
writeFileSync(path, JSON.stringify(profile));
// It closes under this very connection: there is no answer.
socket.send(JSON.stringify({ id: 0, method: "Runtime.evaluate", params: { expression: "process._debugEnd()" } }));
for (const deadlineMs = performance.now() + 3_000; performance.now() < deadlineMs; await pause(100)) {
  if ((await fetch(list).catch(() => undefined)) === undefined) break;
}
process.exit(0);

function post(method: string, params: object = {}): Promise<unknown> {
  last += 1;
  const id = last;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    socket.send(JSON.stringify({ id, method, params }));
  });
}

async function inspectorUrl(): Promise<string> {
  for (const deadlineMs = performance.now() + 10_000; performance.now() < deadlineMs; await pause(100)) {
    const answer = await fetch(list).catch(() => undefined);
    const targets = (await answer?.json()) as readonly { readonly webSocketDebuggerUrl: string }[] | undefined;
    if (targets?.[0] !== undefined) return targets[0].webSocketDebuggerUrl;
  }
  throw new Error(`process ${pid} opens no inspector`);
}
