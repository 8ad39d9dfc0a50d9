/** Reads the command's name, loads only that command's file, and runs it. */
import { parseArgs } from "node:util";
import { UserError } from "../util/errors.ts";
import { nearest } from "./arguments.ts";
import { catalogue } from "./catalogue.ts";
import type { Command, Options } from "./command.ts";
import { helpOf, overview } from "./help.ts";
import { print, printError } from "./output.ts";
import { self } from "./self.ts";

const common = { help: { type: "boolean", short: "h" }, debug: { type: "boolean" } } as const;

async function main(argv: readonly string[]): Promise<number> {
  const [name = "help", ...rest] = argv;
  if (name === "help" || name === "--help" || name === "-h") return helpAll(rest[0]);
  const command = await load(name === "--version" ? "version" : name);
  const options: Options = Object.fromEntries(
    command.options.map(({ name: option, type, short }) => [option, short === undefined ? { type } : { type, short }]),
  );
  const parsed = parse(command, rest, options);
  if (parsed.values["help"] === true) return help(command);
  return command.run(parsed.values as Parameters<Command["run"]>[0], parsed.positionals);
}

async function load(name: string): Promise<Command> {
  const entry = catalogue[name];
  if (entry !== undefined) return entry.load();
  const near = nearest(
    name,
    Object.keys(catalogue).filter((known) => catalogue[known]?.hidden !== true),
  );
  throw new UserError("TRP-0001", `unknown command "${name}"`, {
    hint: near.length > 0 ? near.map((known) => `${self} ${known}`).join(", ") : `${self} help`,
    exitCode: 2,
  });
}

function parse(command: Command, argv: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...argv], options: { ...options, ...common }, allowPositionals: true, strict: true });
  } catch (error) {
    const words = error instanceof Error ? error.message.split(". ")[0]! : String(error);
    const unknown = /^Unknown option '--?([^']+)'/.exec(words)?.[1] ?? "";
    const near = nearest(
      unknown,
      command.options.map((option) => option.name),
    )[0];
    const hint = near === undefined ? `${self} ${command.name} --help` : `--${near}; ${self} ${command.name} --help`;
    throw new UserError("TRP-0002", words, { hint, exitCode: 2 });
  }
}

async function helpAll(name: string | undefined): Promise<number> {
  if (name !== undefined) return help(await load(name));
  print(overview(catalogue));
  return 0;
}

function help(command: Command): number {
  print(helpOf(command));
  return 0;
}

// A reader that has seen enough (`troupe status | head -1`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = printError(error, process.argv.includes("--debug"));
}
