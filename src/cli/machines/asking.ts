/** How a machine asks masters: one after the other, on to the leader where one names it, again while none answers. */
import type { RefusalAnswer } from "../../server/joining/answers.ts";
import { messageOf, UserError } from "../../util/errors.ts";
import { callJson, type JsonCall } from "../api-client.ts";
import { self } from "../self.ts";

export interface Asked extends Omit<JsonCall, "host" | "port"> {
  /** `host:port` of each, most likely first. */
  readonly masters: readonly string[];
  readonly waitMs: number;
  /** Told when nobody answers, once. */
  readonly onWait?: (why: string) => void;
}

const pollMs = 500;
const hopsMax = 3;

/** The body of an answer with status 200 or 201. Throws `UserError`: a refusal as it came, or TRP-0406. */
export async function ask<T>(asked: Asked): Promise<T> {
  const untilMs = Date.now() + asked.waitMs;
  let why = "";
  for (;;) {
    for (const master of asked.masters) {
      const found = await askOne(asked, master, hopsMax);
      if (found.isAnswer) return found.body as T;
      why = `${master}: ${found.why}`;
    }
    if (Date.now() > untilMs) break;
    if (why !== "") asked.onWait?.(why);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new UserError("TRP-0406", "no master answers", {
    cause: new Error(why),
    hint: `does a master run there, and is its port reachable? ${self} status tells it on its machine`,
    exitCode: 5,
  });
}

type Found = { readonly isAnswer: true; readonly body: unknown } | { readonly isAnswer: false; readonly why: string };

async function askOne(asked: Asked, master: string, hops: number): Promise<Found> {
  const at = splitHostPort(master);
  try {
    const { status, body } = await callJson({ ...asked, ...at });
    if (status === 200 || status === 201) return { isAnswer: true, body: JSON.parse(body) as unknown };
    const said = parseRefusal(body);
    if (status === 421 && said.leader !== undefined && hops > 0) return await askOne(asked, said.leader, hops - 1);
    if (status === 503 || status === 421) return { isAnswer: false, why: said.message };
    throw refusalError(said, status);
  } catch (error) {
    if (error instanceof UserError) throw error;
    return { isAnswer: false, why: messageOf(error) };
  }
}

function parseRefusal(body: string): RefusalAnswer {
  try {
    return JSON.parse(body) as RefusalAnswer;
  } catch (error) {
    return { code: "TRP-0406", message: body.trim(), cause: messageOf(error) };
  }
}

function refusalError({ code, message, cause, hint }: RefusalAnswer, status: number): UserError {
  // A Status of the API has a number there.
  return new UserError(typeof code === "string" ? code : "TRP-0406", message, {
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
    ...(hint === undefined ? {} : { hint: hint.replace(/^troupe /, `${self} `) }),
    exitCode: status === 401 || status === 403 ? 6 : 1,
  });
}

/** `10.0.0.1:6443`, `[fd00::1]:6443`, `master.example.org` (then with the usual port). */
export function splitHostPort(words: string): { readonly host: string; readonly port: number } {
  const match = /^(?:https:\/\/)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?\/?$/.exec(words);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? usualPort);
  if (host !== undefined && port > 0 && port < 65_536) return { host, port };
  throw new UserError("TRP-0103", `"${words}" is no address of a master`, {
    cause: new Error("it is written as HOST:PORT"),
    exitCode: 2,
  });
}

export const usualPort = 6_443;
