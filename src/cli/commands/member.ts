/** `troupe member list|add|remove|promote|transfer`: who the masters are, and changes of that. */

import { membersPath, type MemberAnswer, type MemberChange, type MembersAnswer } from "../../server/joining/answers.ts";
import { UserError } from "../../util/errors.ts";
import { parseChoice, parseDuration } from "../arguments.ts";
import { clusterOptions, outputOption } from "../cluster-options.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { openAdmin, type Admin } from "../machines/admin.ts";
import { print, say, table } from "../output.ts";
import { self } from "../self.ts";
import { makeToken } from "./token.ts";

export const member: Command = {
  name: "member",
  summary:
    "The masters: who they are, a command that adds one, removal for good, the vote\n" +
    "for one that learns, leadership for another. MEMBER is an id or an address.",
  examples: [
    "troupe member list --name prod",
    "troupe member add",
    "troupe member remove 3",
    "troupe member promote 4 --replaces 3",
    "troupe member transfer 2",
  ],
  arguments: "list|add|remove|promote|transfer [MEMBER] ",
  options: [
    ...clusterOptions,
    { name: "ttl", type: "string", value: "1h", help: "add: how long the token is good for" },
    { name: "replaces", type: "string", value: "MEMBER", help: "promote: the one that goes in the same step" },
    { name: "force", type: "boolean", help: "remove: also where too few of the others answer" },
    outputOption("list: table (default) or json"),
  ],
  async run(values, [verb, named, ...more]) {
    if (more.length > 0) throw wrong("there is at most one MEMBER");
    switch (verb) {
      case "list":
        return list(values);
      case "add":
        return add(values);
      case "remove":
        return remove(values, required(named));
      case "promote":
        return promote(values, required(named));
      case "transfer":
        return transfer(values, named);
      default:
        throw wrong("member knows list, add, remove, promote and transfer");
    }
  },
};

function wrong(what: string): UserError {
  return new UserError("TRP-0002", what, { hint: `${self} member --help`, exitCode: 2 });
}

function required(named: string | undefined): string {
  if (named === undefined) throw wrong("which MEMBER?");
  return named;
}

/** What the leader says, who alone knows how far the others are; else what this master says. */
async function look(admin: Admin): Promise<MembersAnswer> {
  const said = await admin.ask<MembersAnswer>("GET", membersPath);
  const leader = said.members.find(({ id }) => id === said.leader);
  if (leader?.api === undefined || said.from === said.leader) return said;
  try {
    return await admin.at([leader.api]).ask<MembersAnswer>("GET", membersPath);
  } catch (error) {
    if (error instanceof UserError) return said;
    throw error;
  }
}

/** By id, or by the address of its API with or without the port. */
export function find(members: readonly MemberAnswer[], named: string): MemberAnswer {
  const found = members.filter(
    ({ id, api }) => String(id) === named || api === named || api?.replace(/:\d+$/, "") === named,
  );
  if (found.length === 1) return found[0]!;
  throw new UserError(
    "TRP-0207",
    `"${named}" is ${found.length === 0 ? "no member" : "the address of several members"}`,
    {
      cause: new Error(`there are ${members.map(({ id, api = "?" }) => `${id} (${api})`).join(", ")}`),
      hint: `${self} member list`,
      exitCode: 3,
    },
  );
}

async function list(values: Values): Promise<number> {
  const output = parseChoice("output", text(values, "output") ?? "table", ["table", "json"]);
  const admin = await openAdmin(values);
  const said = await look(admin);
  if (output === "json") {
    print(JSON.stringify({ name: admin.found.name, ...said }, undefined, 2));
    return 0;
  }
  print(
    table(
      ["ID", "ROLE", "ADDRESS", "BEHIND", "HEARD"],
      said.members.map((one) => [String(one.id), one.role, one.api ?? "-", behindText(one), heardText(one)]),
    ),
  );
  if (said.advice !== "") say(`! ${said.advice}`);
  if (said.leader === undefined) say("! there is no leader: too few voters answer each other");
  return 0;
}

function behindText({ lagEntries }: MemberAnswer): string {
  return lagEntries === undefined ? "?" : `${lagEntries} entries`;
}

/** The leader hears everybody several times a second. */
export function heardText({ role, silentMs }: MemberAnswer): string {
  if (role === "leader") return "-";
  if (silentMs === undefined) return "?";
  return silentMs < 1_000 ? "now" : `${Math.round(silentMs / 1_000)}s ago`;
}

const addMs = 60 * 60 * 1_000;

async function add(values: Values): Promise<number> {
  const admin = await openAdmin(values);
  const ttl = text(values, "ttl");
  const ttlMs = ttl === undefined ? addMs : parseDuration("ttl", ttl);
  const { words, expiration } = await makeToken(admin, { role: "master", ttlMs, description: "member add" });
  const { members } = await look(admin);
  const at = members.find(({ api }) => api !== undefined)?.api ?? "";
  print(`troupe server --join ${at} --token ${words}`);
  say(`on the new machine, until ${expiration}; it learns, and votes once it has caught up`);
  const voters = members.filter(({ role }) => role === "leader" || role === "voter").length;
  if (voters % 2 === 1) say(`with it there are ${voters + 1} masters: an odd number is better, so add two`);
  return 0;
}

async function remove(values: Values, named: string): Promise<number> {
  const admin = await openAdmin(values);
  const before = await look(admin);
  const { id, role, api = "" } = find(before.members, named);
  // The one that goes should not lead while it goes.
  if (role === "leader" && before.members.some((other) => other.role === "voter")) {
    await change(admin, { type: "transfer", id: 0 });
  }
  try {
    await change(admin, { type: "remove", id, isForced: flag(values, "force") });
  } catch (error) {
    // An answer that was lost on the way: what counts is that it is gone.
    const { removed } = await look(admin);
    if (!removed.includes(id)) throw error;
  }
  print(`member ${id} removed`);
  say(`its id is never used again; the master at ${api} has stopped, and its data directory can go`);
  const { advice } = await look(admin);
  if (advice !== "") say(`! ${advice}`);
  return 0;
}

async function promote(values: Values, named: string): Promise<number> {
  const admin = await openAdmin(values);
  const { members } = await look(admin);
  const { id } = find(members, named);
  const replaced = text(values, "replaces");
  const wish: MemberChange =
    replaced === undefined ? { type: "promote", id } : { type: "replace", id: find(members, replaced).id, by: id };
  const { advice } = await change(admin, wish);
  print(`member ${id} votes`);
  if (advice !== "") say(`! ${advice}`);
  return 0;
}

async function transfer(values: Values, named: string | undefined): Promise<number> {
  const admin = await openAdmin(values);
  const before = await look(admin);
  const id = named === undefined ? 0 : find(before.members, named).id;
  if (id === before.leader) {
    print(`member ${id} leads already`);
    return 0;
  }
  await change(admin, { type: "transfer", id });
  print(`member ${await leaderAfter(admin)} leads`);
  return 0;
}

const leaderMs = 5_000;
const pollMs = 100;

/** Between two terms a member knows of no leader. */
async function leaderAfter(admin: Admin): Promise<number | "?"> {
  const untilMs = Date.now() + leaderMs;
  for (;;) {
    const { leader } = await look(admin);
    if (leader !== undefined) return leader;
    if (Date.now() > untilMs) return "?";
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function change(admin: Admin, wish: MemberChange): Promise<MembersAnswer> {
  return admin.ask<MembersAnswer>("POST", membersPath, wish);
}
