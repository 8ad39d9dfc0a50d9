/**
 * nft commands for a change. Deletions stand before additions, so that a replaced key is deleted and
 * added in one transaction and packets never miss it; chains stand before what points to them and go
 * after it. Pure.
 */
import { setNames, type AffinityGroup } from "./elements.ts";
import { proxyLimits } from "./limits.ts";
import type { Delta } from "./wanted.ts";
import type { Target } from "./service-ports.ts";
import { formatIpv4 } from "../../util/ipv4.ts";

/** The commands of one transaction, in order; join them with `; ` or newlines. */
export function commandsOf(table: string, delta: Delta): readonly string[] {
  const made = delta.affinity.flatMap(({ before, after }) =>
    after === undefined ? [] : growAffinity(table, before, after),
  );
  const gone = delta.affinity.flatMap(({ before, after }) =>
    before === undefined ? [] : shrinkAffinity(table, before, after),
  );
  // Front ends first: nothing may point to a slot or chain that goes in the same breath.
  const removed = setNames
    .toReversed()
    .flatMap((name) =>
      chunked(delta.remove.get(name) ?? []).map((keys) => `delete element ip ${table} ${name} { ${keys.join(", ")} }`),
    );
  const added = setNames.flatMap((name) =>
    chunked(delta.add.get(name) ?? []).map(
      (entries) => `add element ip ${table} ${name} { ${entries.map(entryText).join(", ")} }`,
    ),
  );
  return [...made, ...removed, ...added, ...gone];
}

function entryText([key, value]: readonly [string, string]): string {
  return value === "" ? key : `${key} : ${value}`;
}

function chunked<T>(items: readonly T[]): readonly (readonly T[])[] {
  const size = proxyLimits.chunkElementsMax;
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** The whole table in one transaction: an older one of the same name goes with it. What packets miss meanwhile: `skeleton.ts`. */
export function replaceTable(table: string, text: string, delta: Delta): string {
  return `add table ip ${table}\ndelete table ip ${table}\n${text}${commandsOf(table, delta).join("\n")}\n`;
}

/**
 * Name of an endpoint's set and chain: group, time-out, address and port, so that clients stay where
 * they are when the list of endpoints is edited.
 */
function nameIn({ group, seconds }: AffinityGroup, target: Target): string {
  return `${group}t${seconds}x${target.address.toString(16)}x${target.port}`;
}

function growAffinity(table: string, before: AffinityGroup | undefined, after: AffinityGroup): readonly string[] {
  const { group, proto, seconds, targets } = after;
  const known = new Set(before?.targets.map((target) => nameIn(before, target)) ?? []);
  const fresh = targets.filter((target) => !known.has(nameIn(after, target)));
  const endpoints = fresh.flatMap((target) => {
    const name = nameIn(after, target);
    const destination = `${formatIpv4(target.address)}:${target.port}`;
    return [
      `add set ip ${table} a${name} { type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s; size 65535; }`,
      `add chain ip ${table} e${name}`,
      `add rule ip ${table} e${name} meta l4proto ${proto} update @a${name} { ip saddr } dnat ip to ${destination}`,
    ];
  });
  const sticky = targets.map((target) => {
    const name = nameIn(after, target);
    return `add rule ip ${table} s${group} ip saddr @a${name} goto e${name}`;
  });
  const choices = targets.map((target, index) => `${index} : goto e${nameIn(after, target)}`);
  return [
    ...endpoints,
    `add chain ip ${table} s${group}`,
    `flush chain ip ${table} s${group}`,
    ...sticky,
    `add rule ip ${table} s${group} numgen random mod ${targets.length} vmap { ${choices.join(", ")} }`,
  ];
}

function shrinkAffinity(table: string, before: AffinityGroup, after: AffinityGroup | undefined): readonly string[] {
  const kept = new Set(after?.targets.map((target) => nameIn(after, target)) ?? []);
  const leaving = before.targets.map((target) => nameIn(before, target)).filter((name) => !kept.has(name));
  const own = `chain ip ${table} s${before.group}`;
  return [
    ...(after === undefined ? [`flush ${own}`, `delete ${own}`] : []),
    ...leaving.flatMap((name) => [
      `flush chain ip ${table} e${name}`,
      `delete chain ip ${table} e${name}`,
      `delete set ip ${table} a${name}`,
    ]),
  ];
}
