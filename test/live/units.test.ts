// systemd takes the units that `troupe install` writes, and finds nothing to say against them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { unitName, unitText, type UnitWish } from "../../src/cli/units.ts";
import { isRoot, troupe } from "./support/machine.ts";

/** Where this tier runs as root, `bin/setup.js --test` has installed systemd's programs. */
const live = isRoot ? test : test.skip;
const server: UnitWish = {
  role: "server",
  dataDir: "/var/lib/troupe/dev",
  node: "n1",
  nodePath: process.execPath,
  troupePath: troupe,
  more: [],
};

for (const unit of [server, { ...server, role: "agent", dataDir: "/srv/a b" }] as const) {
  live(`systemd finds nothing to say against the unit of ${unit.role}`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), "troupe-units-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const path = join(folder, unitName(unit));
    writeFileSync(path, unitText(unit));
    const ran = spawnSync("/usr/bin/systemd-analyze", ["verify", path], { encoding: "utf8", timeout: 60_000 });
    t.is(ran.error, undefined);
    const said = `${ran.stdout}${ran.stderr}`.split("\n").filter((line) => line.includes("troupe"));
    t.deepEqual(said, []);
  });
}
