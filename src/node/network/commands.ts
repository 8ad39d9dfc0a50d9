import type { Exec } from "../../env/host.ts";
import { TransientError } from "../../util/errors.ts";

/** Commands in the node's network namespace. Arguments are passed as words; nothing is a shell line. */
export interface NetworkCommands {
  /** Answers what it printed; throws `TransientError` with its complaint. */
  run(file: string, args: readonly string[], input?: string): Promise<string>;
  /** True if it ended with 0. */
  try(file: string, args: readonly string[]): Promise<boolean>;
}

/** `netns`: path of the namespace; absent: ours. */
export function networkCommands(exec: Exec, netns?: string): NetworkCommands {
  const call = (file: string, args: readonly string[], input?: string) => {
    const [first, rest] = netns === undefined ? [file, args] : ["nsenter", [`--net=${netns}`, file, ...args]];
    return exec.run(first, rest, input === undefined ? {} : { input });
  };
  return {
    run: async (file, args, input) => {
      const { exitCode, stdout, stderr } = await call(file, args, input);
      if (exitCode === 0) return stdout;
      throw new TransientError(`${file} ${args.join(" ")}: ${stderr.trim()} (exit ${exitCode})`);
    },
    try: async (file, args) => (await call(file, args)).exitCode === 0,
  };
}
