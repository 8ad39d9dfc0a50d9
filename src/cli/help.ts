/** Help texts and the reference page, from the table of commands. Pure. */
import type { CatalogueEntry } from "./catalogue.ts";
import type { Command } from "./command.ts";

export function overview(catalogue: Readonly<Record<string, CatalogueEntry>>): string {
  const lines = Object.entries(catalogue)
    .filter(([, entry]) => entry.hidden !== true)
    .map(([known, entry]) => `  ${known.padEnd(10)} ${entry.summary}`);
  return `troupe up --name dev        a cluster on this machine, ready for kubectl

Commands:
${lines.join("\n")}

troupe COMMAND --help tells more. kubectl works as well: kubectl get pods`;
}

const helpColumn = 27;

/** Example first, at most 80 columns. */
export function helpOf(command: Command): string {
  const options = command.options.map((option) => {
    const flag = `  ${signature(option)}`;
    // A long flag has a line of its own.
    return flag.length > helpColumn - 1
      ? `${flag}\n${" ".repeat(helpColumn)}${option.help}`
      : flag.padEnd(helpColumn) + option.help;
  });
  const usage = `usage: troupe ${command.name} ${command.arguments ?? ""}${options.length > 0 ? "[options]" : ""}`;
  return [command.examples.join("\n"), "", command.summary, "", usage.trimEnd(), ...options].join("\n");
}

function signature({ name, short, value }: Command["options"][number]): string {
  return `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
}

/** docs/reference/cli.md */
export function referencePage(commands: readonly Command[]): string {
  const sections = commands.map((command) => `## ${command.name}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`);
  return `# Commands

Written from the table of commands; \`troupe COMMAND --help\` prints the same. Every command takes \`--help\`,
and \`--debug\`, which adds the stack to an error. Exit codes: [exit-codes.md](exit-codes.md). Errors have a
page each: [errors](../errors/).

${sections.join("\n")}`;
}
