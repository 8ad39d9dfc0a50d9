// Client libraries as their users get them: Debian's python3-kubernetes and ruby-kubeclient, and
// @kubernetes/client-node, each with a script of its own against one cluster with real containers.
import { existsSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { createMachine, canDrive, root, type Machine, type RunOptions } from "./support/machine.ts";

/** It restarts the master, so that it comes alone, and first; the others follow at once. */
const live = canDrive ? test.serial : test.serial.skip;
const atOnce = canDrive ? test : test.skip;
const name = `cl${process.pid % 10_000}`;
let machine: Machine;
const script = (file: string): string => join(root, "test/live/clients", file);

test.before(async () => {
  if (!canDrive) return;
  machine = createMachine();
  const ran = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "d"));
  if (ran.code !== 0) throw new Error(ran.stderr);
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

async function passes(t: ExecutionContext, command: readonly string[], steps: readonly string[], how: RunOptions = {}) {
  const [file, ...args] = command;
  const ran = await machine.run(file!, args, { timeoutMs: 240_000, ...how });
  // A report in TAP ends at an empty line.
  const said = ran.stderr.replaceAll(/\n{2,}/g, "\n");
  t.deepEqual(
    ran.stdout.split("\n").filter((line) => line.startsWith("ok ")),
    steps.map((step) => `ok ${step}`),
    said,
  );
  t.is(ran.code, 0, said);
}

atOnce("python3-kubernetes", async (t) => {
  // Not the first python3 in PATH: Debian's packages are Debian's Python's.
  await passes(
    t,
    ["/usr/bin/python3", script("client.py")],
    [
      "discovery",
      "a watch tells when both pods are ready",
      "strategic merge patch and scale",
      "the log of a pod",
      "exec with streams and an exit code",
      "port-forward",
      "server-side apply, its conflict and force",
      "pages and deletecollection",
      "a refusal with its fields",
      "leader election of the library",
      "foreground deletion",
    ],
  );
});

atOnce("ruby-kubeclient", async (t) => {
  t.true(existsSync("/usr/bin/ruby"));
  await passes(
    t,
    ["/usr/bin/ruby", script("client.rb")],
    [
      "discovery",
      "create, patch, update and its conflict",
      "a watch from a list's version on",
      "logs, at once and followed",
      "server-side apply",
      "pages and raw bodies",
      "what is not there",
      "deletion with its dependents",
    ],
  );
});

live("@kubernetes/client-node", async (t) => {
  const restart = `kill -9 $(${process.execPath} ${join(root, "bin/troupe")} status --name ${name} -o json | ${process.execPath} -e 'process.stdin.on("data", (b) => console.log(JSON.parse(b).members[0].pid))')`;
  await passes(
    t,
    [process.execPath, script("client.mjs")],
    [
      "typed create and list",
      "an informer over a restart of the master",
      "leader election on a Lease",
      "server-side apply, its conflict and force",
      "exec with standard input and an exit code",
      "logs, followed",
      "port-forward",
      "a watch that begins with the list",
      "foreground deletion",
    ],
    { env: { RESTART: restart } },
  );
});
