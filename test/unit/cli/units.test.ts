// The units that `troupe install` writes: what stands in them. That systemd takes them: `test/live/units.test.ts`.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { quoted, unitName, unitText, type UnitWish } from "../../../src/cli/units.ts";

const root = join(import.meta.dirname, "..", "..", "..", "..");
const wish: UnitWish = {
  role: "server",
  dataDir: "/var/lib/troupe/dev",
  node: "n1",
  nodePath: process.execPath,
  troupePath: join(root, "bin", "troupe"),
  more: [],
};

test("a master may write its folder and nothing else; an agent's containers outlive it", (t) => {
  const server = unitText(wish);
  t.true(server.includes(`ExecStart=${process.execPath} ${root}/bin/troupe server --data-dir /var/lib/troupe/dev\n`));
  t.true(server.includes("ProtectSystem=strict\nReadWritePaths=/var/lib/troupe/dev\n"));
  t.true(server.includes("ExecReload=/bin/kill -HUP $MAINPID\n"));
  const agent = unitText({ ...wish, role: "agent", node: "n7", more: ["--verbose"] });
  t.true(agent.includes("agent --data-dir /var/lib/troupe/dev --node n7 --verbose\n"));
  t.true(agent.includes("KillMode=process\nDelegate=yes\n"));
  t.false(agent.includes("ProtectSystem"));
  t.is(unitName(wish), "troupe-server.service");
  t.is(unitName({ role: "agent", node: "n7" }), "troupe-agent-n7.service");
});

test("a word stays one word, and nothing in it means anything to systemd", (t) => {
  t.is(quoted("/var/lib/troupe/dev"), "/var/lib/troupe/dev");
  t.is(quoted("a b"), '"a b"');
  t.is(quoted('say "x"'), '"say \\"x\\""');
  t.is(quoted("100%"), "100%%");
  t.is(quoted("$HOME"), "$$HOME");
  t.is(quoted("a;b"), '"a;b"');
  t.is(quoted(""), '""');
});

test("install writes the unit for everybody to read, says what is next, and --print writes nothing", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-install-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [wish.troupePath, "install", ...args, "--unit-dir", folder], {
      encoding: "utf8",
      env: { ...process.env, HOME: folder, XDG_STATE_HOME: folder },
      timeout: 20_000,
    });
  const printed = run("server", "--data-dir", "/var/lib/troupe/dev", "--print");
  t.is(printed.stdout, unitText(wish));
  const path = join(folder, "troupe-server.service");
  t.false(existsSync(path));
  const written = run("server", "--data-dir", "/var/lib/troupe/dev");
  t.is(written.status, 0, written.stderr);
  t.is(readFileSync(path, "utf8"), unitText(wish));
  t.is(statSync(path).mode & 0o777, 0o644);
  t.is(written.stdout, `${path}\n`);
  t.regex(written.stderr, /Next: systemctl daemon-reload && systemctl enable --now troupe-server\.service/);
  t.regex(run("server", "--data-dir", "/var/lib/troupe/dev").stderr, /is as it should be/);
  t.is(run("keeper").status, 2);
});
