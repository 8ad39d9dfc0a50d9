import type { Child, Exec, ExecResult } from "../env/host.ts";
import { InvariantError } from "../util/errors.ts";

/**
 * The packet filter of a virtual node: nft without a kernel. It takes what the proxy of production
 * sends, as a load or as a line of its long-lived child, and keeps the elements of the sets, so that
 * a test can ask where connections would go. Rules and chains are not looked at.
 */
export class SimKernel {
  /** Whole tables that were loaded. */
  loads = 0;
  /** Changes of the table that stands. */
  changes = 0;
  /** Elements of each set or map, by its name; undefined: there is no table. */
  #sets: Map<string, Map<string, string>> | undefined;
  #table = "";

  /** Addresses that new connections to Services are led to. */
  get targets(): readonly string[] {
    const targets = [...(this.#sets?.get("ep")?.values() ?? [])].map((value) => value.split(" . ")[0] ?? "");
    return [...new Set(targets)].toSorted();
  }

  /** Someone else flushes the rules, as a firewall's restart does. */
  flush(): void {
    this.#sets = undefined;
  }

  /** `nft` and `conntrack` as the proxy calls them. */
  get exec(): Exec {
    return {
      run: async (file, args, { input = "" } = {}) => this.#run(file, args, input),
      start: () => this.#child(),
      detach: async () => {
        throw new InvariantError("a virtual node detaches nothing");
      },
    };
  }

  #run(file: string, args: readonly string[], input: string): ExecResult {
    const done = (stdout = ""): ExecResult => ({ exitCode: 0, stdout, stderr: "" });
    if (file !== "nft") return done();
    if (args[0] === "list") return done(this.#sets === undefined ? "" : `table ip ${this.#table}\n`);
    if (input.startsWith("add table")) this.loads += 1;
    else this.changes += 1;
    const refused = this.#take(input.split("\n"));
    return refused === undefined ? done() : { exitCode: 1, stdout: "", stderr: refused };
  }

  /** A line is a transaction; a bare word behind it is answered with the error that the proxy waits for. */
  #child(): Child {
    let said: (text: string) => void = () => undefined;
    return {
      pid: 0,
      write: (text) => {
        const [line = "", marker = ""] = text.split("\n");
        this.changes += 1;
        const refused = this.#take(line.split("; "));
        const error = `Error: syntax error, unexpected newline\n${marker}\n${"^".repeat(marker.length)}\n`;
        queueMicrotask(() => said(`${refused === undefined ? "" : `${refused}\n`}${error}`));
      },
      onStdout: () => undefined,
      onStderr: (run) => void (said = run),
      onExit: () => undefined,
      kill: () => undefined,
    };
  }

  /** All or nothing; answers why not. */
  #take(commands: readonly string[]): string | undefined {
    const isLoad = commands[0]?.startsWith("add table") === true;
    const sets = isLoad ? new Map<string, Map<string, string>>() : copyOf(this.#sets);
    for (const command of commands) {
      const [, table = ""] = /^add table ip (\S+)/.exec(command) ?? [];
      if (table !== "") this.#table = table;
      const parts = /^(add|delete) element ip \S+ (\S+) \{ (.*) \}$/.exec(command);
      if (parts === null) continue;
      if (sets === undefined) return "Error: No such file or directory";
      const [, verb, name = "", elements = ""] = parts;
      const set = sets.get(name) ?? new Map<string, string>();
      sets.set(name, set);
      for (const element of elements.split(", ")) {
        const [key = "", value = ""] = element.split(" : ");
        if (verb === "add") set.set(key, value);
        else if (!set.delete(key)) return `Error: Could not process rule: No such file or directory: ${key}`;
      }
    }
    this.#sets = sets;
    return undefined;
  }
}

function copyOf(
  sets: ReadonlyMap<string, ReadonlyMap<string, string>> | undefined,
): Map<string, Map<string, string>> | undefined {
  return sets && new Map([...sets].map(([name, set]) => [name, new Map(set)]));
}
