import test from "ava";
import type { Exec, ExecResult, HostFiles } from "../../../../src/env/host.ts";
import { createMounter, type Mounter } from "../../../../src/node/volumes/mounts.ts";

interface Fixture {
  readonly mounter: Mounter;
  readonly calls: readonly (readonly string[])[];
}

function fixture(answer: (words: readonly string[]) => Partial<ExecResult>): Fixture {
  const calls: (readonly string[])[] = [];
  const exec = {
    run: async (file: string, args: readonly string[]) => {
      calls.push([file, ...args]);
      await new Promise((resolve) => setImmediate(resolve));
      return { exitCode: 0, stdout: "", stderr: "", ...answer([file, ...args]) };
    },
  } as unknown as Exec;
  const files = {
    makeFolder: async () => undefined,
    readText: async () => "1 1 0:1 / /there rw",
  } as unknown as HostFiles;
  return { mounter: createMounter(exec, files), calls };
}

test("mounts that are asked for while one is made go together into one process", async (t) => {
  const { mounter, calls } = fixture(() => ({}));
  await Promise.all(Array.from({ length: 10 }, (_, index) => mounter.tmpfs(`/v${index}`, 0)));
  t.is(calls.length, 2);
  const paths = calls.flatMap((words) => words.filter((word) => word.startsWith("/v")));
  t.deepEqual(
    paths,
    Array.from({ length: 10 }, (_, index) => `/v${index}`),
  );
});

test("a mount that fails among others is tried alone and fails with its own text", async (t) => {
  const { mounter, calls } = fixture(([file, ...args]) => {
    if (file === "mount") return { exitCode: 32, stderr: "mount: no room" };
    const at = args.slice(3).indexOf("/bad");
    return at === -1 ? {} : { stdout: `${(at - 1) / 2}\n` };
  });
  const [good, bad, late] = await Promise.allSettled(["/good", "/bad", "/late"].map((path) => mounter.tmpfs(path, 0)));
  t.deepEqual([good?.status, bad?.status, late?.status], ["fulfilled", "rejected", "fulfilled"]);
  t.regex(String((bad as PromiseRejectedResult).reason), /\/bad: mount: no room/);
  t.deepEqual(
    calls.map(([file]) => file),
    ["sh", "sh", "mount"],
  );
});

test("what is mounted already is left alone", async (t) => {
  const { mounter, calls } = fixture(() => ({}));
  await mounter.tmpfs("/there", 0);
  t.deepEqual(calls, []);
});
