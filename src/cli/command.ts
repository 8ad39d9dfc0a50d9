/** One command a file in `commands/`; a line in `catalogue.ts` makes it known. */
import type { ParseArgsConfig } from "node:util";

export type Options = NonNullable<ParseArgsConfig["options"]>;
export type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

export interface CommandOption {
  readonly name: string;
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** `NAME`, `DIR`: what stands for the value in the help. */
  readonly value?: string;
  readonly help: string;
}

export interface Command {
  readonly name: string;
  /** Left out of `troupe help`: for processes that Troupe starts itself. */
  readonly hidden?: true;
  readonly summary: string;
  /** Example first. */
  readonly examples: readonly string[];
  readonly arguments?: string;
  readonly options: readonly CommandOption[];
  /** Answers the exit code. */
  readonly run: (values: Values, positionals: readonly string[]) => Promise<number>;
}

export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

export function flag(values: Values, name: string): boolean {
  return values[name] === true;
}
