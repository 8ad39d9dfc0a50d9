/** How the user can call us again: what hints and next commands begin with. */
import { existsSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";

/** `troupe` where PATH leads to this checkout, else the path of `bin/troupe` from here. */
export function callName(script: string, folder: string, path: string): string {
  const real = realpathSync(script);
  const inPath = path.split(":").some((entry) => {
    const candidate = join(entry, "troupe");
    return entry !== "" && existsSync(candidate) && realpathSync(candidate) === real;
  });
  if (inPath) return "troupe";
  const near = relative(folder, real);
  return near.startsWith("..") ? real : near;
}

const script = process.argv[1];
export const self: string =
  script !== undefined && script.endsWith("/troupe")
    ? callName(script, process.cwd(), process.env["PATH"] ?? "")
    : "troupe";
