// The door of faults is shut in a cluster that was started without the flag; and masters of three.
import { join } from "node:path";
import test from "ava";
import { createMachine, canDrive, until, type Machine } from "./support/machine.ts";
import { apply, inject, over, type Spec } from "./support/faults.ts";

/** On a machine each, at once: they mostly wait. */
const live = canDrive ? test : test.skip;
const machines: Machine[] = [];
test.after.always(async () => {
  for (const machine of machines) await machine.dispose();
});

async function up(...more: readonly string[]): Promise<Machine> {
  const machine = createMachine();
  machines.push(machine);
  const args = ["up", "--name", `fs${machine.netns.slice(2)}`, "--data-dir", join(machine.folder, "d"), ...more];
  const ran = await machine.troupe(...args);
  if (ran.code !== 0) throw new Error(ran.stderr);
  return machine;
}

live(
  "without --enable-faults nothing opens the door: no kind, no path, no variable, no signal, no command",
  async (t) => {
    const machine = createMachine();
    machines.push(machine);
    const data = join(machine.folder, "d");
    const env = {
      TROUPE_ENABLE_FAULTS: "1",
      ENABLE_FAULTS: "true",
      TROUPE_FAULTS: "1",
      TROUPE_FLAGS: "--enable-faults",
    };
    const started = ["up", "--name", "fshut", "--data-dir", data, "--runtime", "simulated"];
    const begun = await machine.run(
      "env",
      [
        ...Object.entries(env).map(([key, value]) => `${key}=${value}`),
        process.execPath,
        join(import.meta.dirname, "..", "..", "..", "bin", "troupe"),
        ...started,
      ],
      { timeoutMs: 120_000 },
    );
    t.is(begun.code, 0, begun.stderr);
    const kubectl = (...args: readonly string[]) => machine.run("kubectl", args);
    const shut = async (when: string): Promise<void> => {
      t.regex((await kubectl("get", "faults")).stderr, /the server doesn't have a resource type "faults"/, when);
      const raw = await kubectl("get", "--raw", "/apis/faults.troupe.dev/v1/faults");
      t.regex(raw.stderr, /the server could not find the requested resource/, when);
      t.notRegex((await kubectl("api-versions")).stdout, /faults/, when);
      const fault = {
        apiVersion: "faults.troupe.dev/v1",
        kind: "Fault",
        metadata: { name: "x" },
        spec: { kind: "drop" },
      };
      const applied = await machine.run("kubectl", ["apply", "-f", "-"], { input: JSON.stringify(fault) });
      t.regex(applied.stderr, /no matches for kind "Fault"/, when);
      const posted = await machine.run("kubectl", ["create", "--raw", "/apis/faults.troupe.dev/v1/faults", "-f", "-"], {
        input: JSON.stringify(fault),
      });
      t.regex(posted.stderr, /could not find the requested resource|NotFound/, when);
      for (const words of [["list"], ["add", "drop"], ["clear", "--all"]]) {
        const native = await machine.troupe("fault", ...words);
        t.is(native.code, 3, when);
        t.regex(native.stderr, /serves no Faults/, when);
      }
    };
    await shut("at first");
    const pids = (await machine.run("pgrep", ["-f", `troupe (server|agent) --data-dir ${data}`])).stdout
      .trim()
      .split("\n");
    t.is(pids.length, 2);
    // SIGHUP has a meaning of its own (keys); none of these may have this one.
    for (const signal of ["HUP", "WINCH", "CONT", "URG"])
      for (const pid of pids) await machine.run("kill", [`-${signal}`, pid]);
    await machine.run("sh", ["-c", `echo '{"faults":true}' > ${data}/faults.json; touch ${data}/enable-faults`]);
    await shut("behind signals and files");
    const late = await machine.troupe("up", "--name", "fshut", "--data-dir", data, "--enable-faults");
    t.is(late.code, 2);
    t.regex(late.stderr, /runs without --enable-faults/);
    await shut("behind up --enable-faults");
  },
);

live("Faults of a cluster that had the flag are inert when it is started without", async (t) => {
  const machine = await up("--runtime", "simulated", "--enable-faults");
  const cluster = `fs${machine.netns.slice(2)}`;
  const data = join(machine.folder, "d");
  const spec: Spec = { kind: "drop", seam: "link", when: { atMs: 15_000 }, for: { ms: 600_000 } };
  await apply(machine, { apiVersion: "faults.troupe.dev/v1", kind: "Fault", metadata: { name: "old" }, spec });
  t.is((await machine.troupe("down", "--name", cluster)).code, 0);
  const again = await machine.troupe("up", "--name", cluster, "--data-dir", data);
  t.is(again.code, 0, again.stderr);
  // kubectl may remember what there was.
  t.regex(
    (await machine.run("kubectl", ["get", "faults"])).stderr,
    /have a resource type|could not find the requested/,
  );
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  await machine.kubectl("run", "one", "--image=web:1");
  await machine.kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=60s");
});

live(
  "three masters: one is killed, cut off, cut one way, paused; every write that was acknowledged is there",
  async (t) => {
    const machine = await up(
      "--runtime",
      "simulated",
      "--nodes",
      "1",
      "--masters",
      "3",
      "--wait",
      "120s",
      "--enable-faults",
    );
    const lasts = { ms: 6_000 };
    const cases: readonly (readonly [string, Spec])[] = [
      ["killed", { kind: "crash", seam: "program", where: { role: "leader" }, for: { ...lasts, count: 1 } }],
      ["cut", { kind: "drop", seam: "net", where: { master: "m1" }, for: lasts }],
      ["one-way", { kind: "drop", seam: "net", where: { from: "m2" }, for: lasts }],
      ["partial", { kind: "drop", seam: "net", where: { from: "m1", to: "m3" }, for: lasts }],
      [
        "paused",
        { kind: "pause", seam: "program", where: { role: "leader" }, args: { ms: 3_000 }, for: { ...lasts, count: 1 } },
      ],
      ["muddled", { kind: "reorder", seam: "net", where: { master: "m2" }, when: { p: 0.3 }, for: lasts }],
    ];
    for (const [what, spec] of cases) {
      await apply(machine, { apiVersion: "faults.troupe.dev/v1", kind: "Fault", metadata: { name: what }, spec });
      const acknowledged: string[] = [];
      for (let at = 0; at < 8; at += 1) {
        const made = `${what}-${at}`;
        await until(made, async () => {
          const ran = await machine.run("kubectl", ["--request-timeout=4s", "create", "configmap", made]);
          return ran.code === 0 || /already exists/.test(ran.stderr);
        });
        acknowledged.push(made);
      }
      const { hits = 0 } = await over(machine, what);
      t.true(hits > 0, what);
      const found = await machine.kubectl("get", "configmaps", "-o", "name");
      for (const made of acknowledged) t.true(found.includes(`configmap/${made}\n`), made);
    }
    await inject(machine, "again", { kind: "drop", where: { name: "nobody" }, for: { ms: 1_000 } });
  },
);
