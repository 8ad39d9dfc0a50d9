import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Script } from "./support/script.ts";

/**
 * Golden scripts: command, `----`, what it prints. `TROUPE_REWRITE=1` writes the answers anew; then
 * read the difference as if it were code.
 */
const folder = join(import.meta.dirname, "..", "..", "..", "..", "test", "golden", "raft");

for (const name of readdirSync(folder).filter((file) => file.endsWith(".txt"))) {
  test(`script ${name.slice(0, -4)}`, (t) => {
    const path = join(folder, name);
    const before = readFileSync(path, "utf8");
    const after = replay(before);
    if (process.env["TROUPE_REWRITE"] === "1") writeFileSync(path, after);
    else t.is(after, before);
    t.pass();
  });
}

/** The same file with every answer computed again. Lines that start with `#` are comments. */
function replay(text: string): string {
  const script = new Script();
  const blocks = text.trimEnd().split(/\n\n+/);
  const answered = blocks.map((block) => {
    const lines = block.split("\n");
    const end = lines.indexOf("----");
    const head = end < 0 ? lines : lines.slice(0, end);
    const commands = head.filter((line) => !line.startsWith("#"));
    if (commands.length === 0) return head.join("\n");
    const answers = commands.map((command) => script.run(command));
    return [...head, "----", ...answers].join("\n");
  });
  return `${answered.join("\n\n")}\n`;
}
