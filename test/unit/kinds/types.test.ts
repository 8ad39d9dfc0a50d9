import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { generateTypes } from "../../../src/kinds/generated/generate.ts";

test("the committed types are those of the schemas (npm run types)", async (t) => {
  const root = join(import.meta.dirname, "..", "..", "..", "..");
  const committed = await readFile(join(root, "src", "kinds", "generated", "types.ts"), "utf8");
  t.true(committed === generateTypes(), "src/kinds/generated/types.ts is out of date: run `npm run types`");
});
