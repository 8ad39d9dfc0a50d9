// docs/ha.md, followed literally: its lines with the prompts of machines a, b, c and w are typed there.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { canDrive, kubectls, root, troupe, until } from "./support/machine.ts";
import { createMachines, type Box, type Machines } from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
let machines: Machines;

/** What systemd does with a unit, as far as the page needs it: starts it, and sends signals. */
const systemctl = `#!/bin/sh
set -e
pids=/var/lib/troupe/pids; mkdir -p $pids
case "$1" in
daemon-reload) ;;
enable) unit=/etc/systemd/system/$3.service
  command=$(sed -n 's/^ExecStart=//p' $unit)
  setsid $command >>/var/lib/troupe/$3.log 2>&1 </dev/null &
  echo $! >$pids/$3 ;;
kill) kill -s \${2#--signal=} $(cat $pids/$3) ;;
*) echo "systemctl $*: not known here" >&2; exit 1 ;;
esac
`;

/** The commands of the page in their order: machine and words. */
function steps(): readonly { readonly machine: string; readonly words: string }[] {
  const page = readFileSync(join(root, "docs", "ha.md"), "utf8");
  return [...page.matchAll(/^([abcw])# (.+)$/gm)].map(([, machine = "", words = ""]) => ({ machine, words }));
}

/** Each machine has folders of its own at the places that the page names. */
async function type(box: Box, words: string, exported: string): Promise<string> {
  const bind = (from: string, to: string): string => `mount --bind ${join(box.folder, from)} ${to}`;
  const script = [bind("var", "/var/lib/troupe"), bind("units", "/etc/systemd/system"), exported, words].join("\n");
  const path = `${join(box.folder, "bin")}:/usr/sbin:/usr/bin:/sbin:/bin:${process.env["PATH"] ?? ""}`;
  const ran = await box.run("unshare", ["-m", "sh", "-ec", script], { PATH: path, TROUPE_ROOT: root });
  if (ran.code !== 0) throw new Error(`${words}: ${ran.stderr}${ran.stdout}`);
  return ran.stdout;
}

test.before(() => {
  if (!canDrive) return;
  machines = createMachines(4, "10.0.0");
  mkdirSync("/var/lib/troupe", { recursive: true });
  mkdirSync("/etc/systemd/system", { recursive: true });
  for (const { folder } of machines.boxes) {
    for (const name of ["var", "units", "bin"]) mkdirSync(join(folder, name));
    const programs = {
      systemctl,
      troupe: `#!/bin/sh\nexec ${process.execPath} ${troupe} "$@"\n`,
      kubectl: `#!/bin/sh\nexec ${kubectls().at(-1)!.path} "$@"\n`,
    };
    for (const [name, content] of Object.entries(programs)) {
      writeFileSync(join(folder, "bin", name), content);
      chmodSync(join(folder, "bin", name), 0o755);
    }
  }
});
test.after.always(async () => {
  if (!canDrive) return;
  for (const box of machines.boxes) {
    const { folder } = box;
    await box.run("sh", ["-c", `for file in ${folder}/var/pids/*; do kill -9 $(cat $file) || true; done`]);
  }
  await machines.dispose();
});

live("the page's commands, typed on four machines, give a cluster that survives its first master", async (t) => {
  const names = ["a", "b", "c", "w"];
  const exports = new Map<string, string>();
  let token = "";
  let last = "";
  for (const { machine, words } of steps()) {
    const box = machines.boxes[names.indexOf(machine)]!;
    // The node is an ordinary machine there; here it has no containers.
    const shown = words.includes("install agent") ? `${words} --runtime simulated` : words;
    if (words.startsWith("export ")) {
      exports.set(machine, words);
      continue;
    }
    const typed = shown.replaceAll("TOKEN", token);
    // A person would wait until a process that was just started answers; so does this.
    await until(
      `${machine}# ${words}`,
      async () => {
        last = await type(box, typed, exports.get(machine) ?? ":").catch((error: unknown) => {
          t.log(`${words}: ${String(error)}`);
          throw error;
        });
        if (words === "kubectl get nodes") return /w1 +Ready/.test(last);
        return !words.startsWith("troupe member list") || last.match(/voter/g)?.length === 2;
      },
      /^(kubectl|troupe token|troupe member)/.test(words) ? 90_000 : 1,
    );
    if (words.startsWith("troupe token create")) token = last.trim();
    if (words.startsWith("troupe member list")) t.is(last.split("\n").length, 5, last);
  }
  t.regex(last, /^after /m);
  t.regex(last, /^before /m);
});
