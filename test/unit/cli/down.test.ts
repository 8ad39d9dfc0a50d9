// `down` where there is no cluster, or only what a start that was killed has left of one.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";

const root = join(import.meta.dirname, "..", "..", "..", "..");

function setUp(t: ExecutionContext) {
  const home = mkdtempSync(join(tmpdir(), "troupe-down-"));
  t.teardown(() => rmSync(home, { recursive: true }));
  const data = join(home, "d");
  const down = (...more: readonly string[]) =>
    spawnSync(process.execPath, [join(root, "bin/troupe"), "down", "--name", "gone", "--data-dir", data, ...more], {
      encoding: "utf8",
      env: { ...process.env, HOME: home, XDG_STATE_HOME: home },
      timeout: 20_000,
    });
  return { data, down };
}

for (const [what, entries] of [
  ["before it had written a thing", []],
  ["while it wrote the cluster's file", ["cluster.json.4711.part"]],
] as const) {
  test(`the folder of an up that was killed ${what} goes with --purge, and only with it`, (t) => {
    const { data, down } = setUp(t);
    mkdirSync(data);
    for (const entry of entries) writeFileSync(join(data, entry), "{");
    t.is(down().status, 0);
    t.true(existsSync(data));
    const purged = down("--purge");
    t.is(purged.status, 0, purged.stderr);
    t.true(purged.stderr.includes(`removed ${data}, in which no cluster had begun`), purged.stderr);
    t.false(existsSync(data));
    t.is(down("--purge").status, 0);
  });
}

test("a folder without a cluster that holds anything else is not touched", (t) => {
  const { data, down } = setUp(t);
  mkdirSync(data);
  for (const entry of ["cluster.json.4711.part", "thesis.tex"]) writeFileSync(join(data, entry), "{");
  const ran = down("--purge");
  t.is(ran.status, 0, ran.stderr);
  t.regex(ran.stderr, /there is no cluster "gone"/);
  t.deepEqual(readdirSync(data).toSorted(), ["cluster.json.4711.part", "thesis.tex"]);
});
