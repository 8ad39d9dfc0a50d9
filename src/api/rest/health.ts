import { pathNotFound } from "../../kinds/status-errors.ts";
import type { Call } from "./call.ts";
import { respondText } from "./respond.ts";

/** One line of `/readyz?verbose`. */
export interface HealthCheck {
  readonly name: string;
  /** What is wrong, or undefined. */
  readonly problem: () => string | undefined;
}

const ping: HealthCheck = { name: "ping", problem: () => undefined };

/**
 * `/livez`, `/readyz`, `/healthz` with `verbose` and `exclude`, and each check below them. Anybody may
 * ask, so a failure says which check but not why; the log and the check's own path do.
 */
export function serveHealth(call: Call): void {
  const [root = "", ...below] = call.target.steps;
  const checks = root === "livez" ? [ping] : [ping, ...(call.door.readiness ?? [])];
  if (below.length === 0) return serveAll(call, root, checks);
  const only = checks.find(({ name }) => name === below.join("/"));
  if (only === undefined) throw pathNotFound();
  const problem = only.problem();
  if (problem === undefined) respondText(call.exchange, "ok");
  else respondText(call.exchange, `internal server error: ${problem}\n`, 500);
}

function serveAll({ exchange, target, door }: Call, root: string, checks: readonly HealthCheck[]): void {
  const excluded = new Set(target.query.all("exclude"));
  const failed: string[] = [];
  const lines = checks.map(({ name, problem }) => {
    if (excluded.delete(name)) return `[+]${name} excluded: ok`;
    const why = problem();
    if (why === undefined) return `[+]${name} ok`;
    failed.push(`${name}: ${why}`);
    return `[-]${name} failed: reason withheld`;
  });
  if (excluded.size > 0) {
    const names = [...excluded].sort((a, b) => (a < b ? -1 : 1)).map((name) => JSON.stringify(name));
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(",")}`);
  }
  if (failed.length > 0) {
    door.env.log("warn", "health.failed", { check: root, failed });
    respondText(exchange, [...lines, `${root} check failed`, ""].join("\n"), 500);
  } else if (target.query.has("verbose")) {
    respondText(exchange, [...lines, `${root} check passed`, ""].join("\n"));
  } else {
    respondText(exchange, "ok");
  }
}
