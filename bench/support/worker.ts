/** A bench's worker in the cluster's namespace: one line of text asks, one line of JSON answers. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { BenchCluster } from "./cluster.ts";

export interface Worker {
  ask<T>(question: object): Promise<T>;
  end(): Promise<void>;
}

/** `script` is the name of a file beside this one; it is given the data directory and the folder of the kubeconfig. */
export function startWorker({ machine, dataDir }: BenchCluster, script: string): Worker {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = machine.start(process.execPath, [path, dataDir, machine.folder]);
  child.stderr!.pipe(process.stderr);
  const answers = createInterface(child.stdout!)[Symbol.asyncIterator]();
  return {
    async ask<T>(question: object): Promise<T> {
      child.stdin!.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error("the worker has ended");
      return JSON.parse(value as string) as T;
    },
    async end() {
      const ended = once(child, "exit");
      child.stdin!.end();
      await ended;
    },
  };
}

/** Its exit may have been told before anyone waits for it: the bench kills members by their numbers. */
export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The worker's side: answers every line of stdin until it ends. */
export async function answerAll(answer: (question: string) => Promise<object>): Promise<void> {
  for await (const line of createInterface(process.stdin)) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
}
