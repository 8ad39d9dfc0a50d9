/** The flags that many commands share: which cluster of this machine is meant, and in which form it is shown. */
import type { CommandOption } from "./command.ts";

export const nameOption: CommandOption = {
  name: "name",
  type: "string",
  value: "NAME",
  help: "name of the cluster (dev)",
};

/** Of a cluster that is there already. */
export const dataDirOption: CommandOption = {
  name: "data-dir",
  type: "string",
  value: "DIR",
  help: "its data directory, if it is not registered",
};

/** A cluster that is there already. */
export const clusterOptions: readonly CommandOption[] = [nameOption, dataDirOption];

/** `help`: the forms, the default one first. */
export function outputOption(help: string): CommandOption {
  return { name: "output", type: "string", short: "o", value: "FORMAT", help };
}
