// Help texts, the reference page and the errors' pages say what the sources say; exit codes hold in a real
// child process. UPDATE_GOLDEN=1 writes the texts anew.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { catalogue } from "../../../src/cli/catalogue.ts";
import { helpOf, overview, referencePage } from "../../../src/cli/help.ts";

const root = join(import.meta.dirname, "..", "..", "..", "..");
const visible = Object.values(catalogue).filter((entry) => entry.hidden !== true);

function golden(path: string, text: string): string {
  const file = join(root, path);
  if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(file, text);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function run(...args: readonly string[]) {
  const env = { ...process.env, HOME: "/nonexistent", XDG_STATE_HOME: "/nonexistent", NO_COLOR: "1" };
  return spawnSync(process.execPath, [join(root, "bin/troupe"), ...args], { encoding: "utf8", env, timeout: 20_000 });
}

test("help texts are those that were agreed on, at most 80 columns wide", async (t) => {
  const texts: [string, string][] = [["help", overview(catalogue)]];
  for (const entry of visible) {
    const command = await entry.load();
    texts.push([command.name, helpOf(command)]);
  }
  for (const [name, text] of texts) {
    t.is(golden(`test/golden/cli/${name}.txt`, `${text}\n`), `${text}\n`, name);
    for (const line of text.split("\n")) t.true(line.length <= 80, `${name}: ${line}`);
  }
});

test("the reference page of the commands is up to date", async (t) => {
  const page = referencePage(await Promise.all(visible.map((entry) => entry.load())));
  t.is(golden("docs/reference/cli.md", page), page);
});

test("every error code has a page, and no page lacks its code", (t) => {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const codes = sources.flatMap((file) => readFileSync(join(root, "src", file), "utf8").match(/"TRP-\d{4}"/g) ?? []);
  const pages = readdirSync(join(root, "docs/errors"));
  t.deepEqual(pages.toSorted(), [...new Set(codes.map((code) => `${code.slice(1, -1)}.md`))].toSorted());
});

test("an error has four parts: what, cause, what to try, and its page", (t) => {
  const ran = run("up", "--wait", "soon");
  t.is(ran.status, 2);
  t.regex(ran.stderr, /^error: --wait soon cannot be understood\ncause: .*60s/);
  t.regex(ran.stderr, /\n {2}doc: TRP-0103 \(docs\/errors\/TRP-0103\.md\)\n$/);
  const unknown = run("stauts");
  t.is(unknown.status, 2);
  t.regex(unknown.stderr, / {2}try: .*troupe status\n/);
  const option = run("up", "--nmae", "x");
  t.is(option.status, 2);
  t.regex(option.stderr, / {2}try: --name; /);
});

test("what is not there answers 3, help and version answer 0 on stdout alone", (t) => {
  t.is(run("status", "--name", "nowhere", "--data-dir", "/nonexistent/d").status, 3);
  t.is(run("image", "load", "/nonexistent.tar").status, 2);
  for (const args of [["help"], ["up", "--help"], ["version"]]) {
    const ran = run(...args);
    t.is(ran.status, 0, args.join(" "));
    t.not(ran.stdout, "");
    t.is(ran.stderr, "");
  }
});
