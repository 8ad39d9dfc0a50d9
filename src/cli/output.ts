/**
 * What people see: data on stdout, everything else on stderr; colour only on a terminal that wants
 * it; without a terminal one line per finished step.
 */
import { styleText } from "node:util";
import { StatusError, TransientError, UserError } from "../util/errors.ts";
import { self } from "./self.ts";

const utf8 = /UTF-?8/i.test(process.env["LC_ALL"] ?? process.env["LC_CTYPE"] ?? process.env["LANG"] ?? "UTF-8");
export const signs: { readonly ok: string; readonly fail: string; readonly warn: string; readonly busy: string } = utf8
  ? { ok: "✔", fail: "✖", warn: "!", busy: "…" }
  : { ok: "ok", fail: "error", warn: "warn", busy: "..." };

type Style = "green" | "red" | "yellow" | "bold" | "dim";

export function paint(style: Style, words: string): string {
  return styleText(style, words, { stream: process.stderr });
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What the system refused this user: `EACCES: permission denied, open '/var/lib/…'`. */
const isRefusal = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && ["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");

/** An error has four parts: what, why, the next command, the page. No stack without `--debug`. */
export function printError(error: unknown, debug: boolean): number {
  if (isRefusal(error)) {
    const refused = new UserError("TRP-0003", "this user may not do that", { cause: error, exitCode: 6 });
    return printError(refused, debug);
  }
  if (error instanceof UserError) {
    say(`${paint("red", "error:")} ${error.message}`);
    if (error.cause instanceof Error) say(`cause: ${error.cause.message}`);
    if (error.hint !== undefined) say(`  try: ${error.hint}`);
    say(`  doc: ${error.code} (docs/errors/${error.code}.md)`);
    if (debug && error.stack !== undefined) say(error.stack);
    return error.exitCode;
  }
  if (error instanceof StatusError) {
    // The API's own sentence; it is no fault of this program.
    say(`${paint("red", "error:")} ${error.message}`);
    return exitCodeOf(error.status.code);
  }
  if (error instanceof TransientError) {
    const silent = new UserError("TRP-0140", "no master answers", {
      cause: error,
      hint: `${self} status`,
      exitCode: 5,
    });
    return printError(silent, debug);
  }
  const text = error instanceof Error ? (debug ? (error.stack ?? error.message) : error.message) : String(error);
  say(`${paint("red", "error:")} ${text}`);
  if (!debug) say("  try: the same command with --debug shows where it happened; this is a bug in Troupe");
  return 70;
}

/** docs/reference/exit-codes.md */
function exitCodeOf(code: number): number {
  switch (code) {
    case 401:
    case 403:
      return 6;
    case 404:
      return 3;
    case 503:
      return 5;
    case 504:
      return 4;
    default:
      return 1;
  }
}

/** Prints each step when it is done, with what it found and how long it took. */
export class Steps {
  readonly #startedMs = Date.now();

  async run<T>(name: string, step: (say: (detail: string) => void) => Promise<T>): Promise<T> {
    const startedMs = Date.now();
    let detail = "";
    const live = process.stderr.isTTY === true && process.env["CI"] === undefined;
    if (live) process.stderr.write(`${signs.busy} ${name}\r`);
    try {
      const result = await step((words) => {
        detail = words;
      });
      this.#line(paint("green", signs.ok), name, detail, Date.now() - startedMs);
      return result;
    } catch (error) {
      this.#line(paint("red", signs.fail), name, detail, Date.now() - startedMs);
      throw error;
    }
  }

  get seconds(): string {
    return seconds(Date.now() - this.#startedMs);
  }

  #line(sign: string, name: string, detail: string, tookMs: number): void {
    say(`${sign} ${name.padEnd(12)} ${detail.padEnd(58)} ${paint("dim", seconds(tookMs))}`);
  }
}

/** `512 B`, `3.4 MiB`. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return step === 0 ? `${bytes} B` : `${(bytes / 2 ** (step * 10)).toFixed(1)} ${units[step]}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}

/** Columns as wide as their longest cell; the last one free. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join("   "),
    )
    .join("\n");
}
