import { pathNotFound } from "../../kinds/status-errors.ts";
import { respondText } from "./respond.ts";
import type { Call } from "./call.ts";

/** One line of `/readyz?verbose`. */
export interface HealthCheck {
  readonly name: string;
  /** What is wrong, or undefined. */
  readonly problem: () => string | undefined;
}

const ping: HealthCheck = { name: "ping", problem: () => undefined };

/** `/livez`, `/readyz`, `/healthz`, each check below it, with `verbose` and `exclude`. */
export function serveHealth(call: Call): void {
  const { steps, query } = call.target;
  const [root = "", only] = steps;
  const all = root === "livez" ? [ping] : [ping, ...(call.door.readiness ?? [])];
  const excluded = new Set(query.all("exclude"));
  const checks = all.filter(({ name }) => (only === undefined ? !excluded.has(name) : name === only));
  if (only !== undefined && checks.length === 0) throw pathNotFound();
  const results = checks.map((check) => ({ name: check.name, problem: check.problem() }));
  const failed = results.filter(({ problem }) => problem !== undefined);
  const lines = results.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
  );
  if (failed.length > 0) {
    respondText(call.exchange, [...lines, `${root} check failed`, ""].join("\n"), 500);
  } else if (query.flag("verbose")) {
    respondText(call.exchange, [...lines, `${root} check passed`, ""].join("\n"));
  } else {
    respondText(call.exchange, "ok");
  }
}
