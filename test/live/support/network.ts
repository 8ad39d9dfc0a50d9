/** What a machine's network holds, one line each: to be the same before a cluster and behind it. */
import type { Machine } from "./machine.ts";

/** Links, addresses, routes, rules and tables. */
export async function networkOf(machine: Machine): Promise<readonly string[]> {
  const looks = [
    ["ip", "-o", "addr"],
    ["ip", "route", "show", "table", "all"],
    ["ip", "rule"],
    ["nft", "list", "ruleset"],
  ] as const;
  const said = await Promise.all(looks.map(([file, ...args]) => machine.run(file, args)));
  // Addresses of IPv6 that the kernel gives links by itself may still be under way.
  return said
    .flatMap(({ stdout }) => stdout.split("\n"))
    .filter((line) => line !== "" && !/fe80|inet6|^multicast|ff00/.test(line));
}
