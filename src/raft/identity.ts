import type { Disk, Rng } from "../env/env.ts";
import { messageOf, UserError } from "../util/errors.ts";
import { textOf, utf8 } from "../util/bytes.ts";
import { votersOnly } from "./core/config.ts";
import type { Config, MemberInfo } from "./core/types.ts";

/**
 * Who this data directory is. `identity` is written once; `incarnation` counts the starts and is
 * synced before it is used, so two lives of one member never share a number. An identity without
 * an incarnation is a first start that did not get through: the log may be made anew then, and
 * only then.
 */
export interface Identity {
  readonly clusterId: string;
  readonly memberId: number;
  /** The configuration before the first entry. */
  readonly config: Config;
  readonly incarnation: number;
}

const IDENTITY_PATH = "identity";
const INCARNATION_PATH = "incarnation";

export interface Birth {
  readonly clusterId?: string;
  readonly memberId?: number;
  /** Voters before the first entry; this member alone if missing, empty for one that joins a cluster. */
  readonly voters?: readonly number[];
  /** Where they are reached; a lone first member may say so later, by a change of the configuration. */
  readonly directory?: readonly MemberInfo[];
}

/** Reads the identity, or makes one. */
export async function loadIdentity(
  disk: Disk,
  rng: Rng,
  birth: Birth,
): Promise<Omit<Identity, "incarnation"> & { readonly lastIncarnation: number }> {
  const lastIncarnation = (await disk.exists(INCARNATION_PATH))
    ? parse<{ incarnation: number }>(INCARNATION_PATH, await disk.read(INCARNATION_PATH)).incarnation
    : 0;
  if (await disk.exists(IDENTITY_PATH)) {
    const known = parse<Omit<Identity, "incarnation">>(IDENTITY_PATH, await disk.read(IDENTITY_PATH));
    // What an earlier version wrote knows no directory.
    const config = { ...votersOnly([]), ...known.config };
    return { ...known, config, lastIncarnation };
  }
  if (lastIncarnation > 0) throw foreign("it counts starts, but does not say whose");
  const memberId = birth.memberId ?? 1 + rng.below(2 ** 32 - 1);
  const identity = {
    clusterId: birth.clusterId ?? rng.uuid(),
    memberId,
    config: { ...votersOnly(birth.voters ?? [memberId]), directory: birth.directory ?? [] },
  };
  await disk.writeAtomic(IDENTITY_PATH, utf8(`${JSON.stringify(identity)}\n`));
  return { ...identity, lastIncarnation };
}

/** The number of this life; durable when it resolves. */
export async function nextIncarnation(disk: Disk, lastIncarnation: number): Promise<number> {
  const incarnation = lastIncarnation + 1;
  await disk.writeAtomic(INCARNATION_PATH, utf8(`${JSON.stringify({ incarnation })}\n`));
  return incarnation;
}

export function foreign(why: string): UserError {
  return new UserError("TRP-0205", `this data directory cannot be used: ${why}`, {
    hint: "A member whose log is gone must join again under a new id, with an empty data directory.",
  });
}

function parse<T>(path: string, bytes: Uint8Array): T {
  try {
    return JSON.parse(textOf(bytes)) as T;
  } catch (error) {
    throw foreign(`the file ${path} cannot be read (${messageOf(error)})`);
  }
}
