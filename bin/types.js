// Writes src/kinds/generated/types.ts from the built schemas: `npm run types`.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generateTypes } from "../dist/src/kinds/generated/generate.js";

const file = join(import.meta.dirname, "..", "src", "kinds", "generated", "types.ts");
await writeFile(file, generateTypes());
