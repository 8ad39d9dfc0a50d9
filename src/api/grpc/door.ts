/**
 * The native door behind its transport: messages in, messages out. Every call becomes a request of
 * the pipeline that serves REST (`rest/door.ts`), so that both doors authenticate, authorise, admit,
 * validate and refuse alike. gRPC itself is in `server.ts`; tests call this in process.
 */
import type { HttpResponse } from "../../env/http.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import { concatBytes, textOf, utf8 } from "../../util/bytes.ts";
import { invariant, StatusError, type Status } from "../../util/errors.ts";
import { requireAllowed } from "../authorize.ts";
import type { Call, Door } from "../rest/call.ts";
import { handle, serveResource } from "../rest/door.ts";
import { statusOf } from "../rest/respond.ts";
import { attributesOf } from "../rest/route.ts";
import { atOperation } from "../verbs/transact.ts";
import { MessageExchange, type AnswerSink, type Caller } from "./exchange.ts";
import { grpcLimits } from "./limits.ts";
import type { CallReply, CallRequest, Operation, Reply, TransactReply, TransactRequest } from "./messages.ts";
import { getWish, targetOf, writeWish, type Wish } from "./requests.ts";
import { WriteGroup } from "./transact.ts";

/** Serves one wish and answers its reply. Rejects with StatusError. */
export function serveWish(door: Door, caller: Caller, read: () => Wish): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sink = new WholeAnswer((response) => {
      if (response.status >= 300) reject(refusalOf(response));
      else resolve(replyOf(response));
    });
    // A message that cannot be read is refused in the pipeline, behind authentication.
    const wish = attempt(read);
    const parts = "value" in wish ? partsOf(wish.value) : { method: "POST", path: "/troupe.v1.Api" };
    void handle(door, new MessageExchange(parts, caller, sink), () => {
      if ("error" in wish) throw wish.error;
      const { target, route } = wish.value;
      return { target, route, serve: (call) => serveResource(call, route) };
    });
  });
}

function attempt<T>(run: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

function partsOf({ method, target, body, contentType }: Wish) {
  return { method, path: target.path, body, contentType };
}

/** Calls with one answer: what a handler sends in pieces is put together. */
class WholeAnswer implements AnswerSink {
  readonly respond: (response: HttpResponse) => void;
  readonly pending = 0;
  #pieces: Uint8Array[] | undefined;

  constructor(respond: (response: HttpResponse) => void) {
    this.respond = respond;
  }

  chunk(bytes: Uint8Array): void {
    (this.#pieces ??= []).push(bytes);
  }

  end(): void {
    this.respond({ status: 200, headers: {}, body: concatBytes(this.#pieces ?? []) });
  }
}

/** The Status of an answer that is a refusal. */
export function refusalOf({ body }: HttpResponse): StatusError {
  return new StatusError(JSON.parse(textOf(body)) as Status);
}

function replyOf({ status, headers, body }: HttpResponse): Reply {
  return { code: status, object: body, warnings: warningsOf(headers["warning"]) };
}

const noWarnings: readonly string[] = [];

/** `299 - "text"`, as the REST door sends them. */
function warningsOf(header: string | readonly string[] | undefined): readonly string[] {
  if (header === undefined) return noWarnings;
  const texts = typeof header === "string" ? [header] : header;
  return texts.map((text) => text.replace(/^299 - "(.*)"$/s, "$1").replaceAll(/\\(["\\])/g, "$1"));
}

/** All operations in one entry, or none. Rejects with the StatusError of the one that was refused. */
export function serveTransact(door: Door, caller: Caller, request: TransactRequest): Promise<TransactReply> {
  return new Promise((resolve, reject) => {
    let done: TransactReply | undefined;
    const sink = new WholeAnswer((response) => {
      if (done === undefined) reject(refusalOf(response));
      else resolve(done);
    });
    const target = targetOf("Transact", {});
    const serve = async (call: Call): Promise<void> => {
      done = await transact(call, caller, request);
      call.exchange.respond({ status: 200, headers: {}, body: new Uint8Array(0) });
    };
    const exchange = new MessageExchange({ method: "POST", path: target.path }, caller, sink);
    void handle(door, exchange, () => ({ target, route: undefined, serve }));
  });
}

async function transact(call: Call, caller: Caller, request: TransactRequest): Promise<TransactReply> {
  const operations = request.operations ?? [];
  if (operations.length === 0) throw badRequest("a transaction holds at least one operation");
  if (operations.length > grpcLimits.operationsMax) {
    throw badRequest(`a transaction holds at most ${grpcLimits.operationsMax} operations`);
  }
  const group = new WriteGroup(call.door.host, { count: operations.length, dryRun: request.dryRun === true });
  let refused: Error | undefined;
  const one = async (operation: Operation, at: number): Promise<Reply | undefined> => {
    const door = { ...call.door, host: group.hostOf(at) };
    try {
      const reply = await operate({ ...call, door }, caller, operation);
      if (!group.has(at)) throw badRequest("this request is no write and cannot stand in a transaction");
      return reply;
    } catch (error) {
      invariant(error instanceof Error, "what is thrown is an error");
      // The first refusal is the transaction's; those of the others follow from it.
      refused ??= error === group.failure ? error : atOperation(error, at);
      group.abandon(refused);
      return undefined;
    }
  };
  const replies = await Promise.all(operations.map(one));
  if (refused !== undefined) throw refused;
  return { replies: replies.filter((reply) => reply !== undefined), revision: group.revision };
}

/** One operation of a transaction: authorised by itself, for the user of the call. */
async function operate({ door, user }: Call, caller: Caller, operation: Operation): Promise<Reply> {
  const wish = writeWish(door.catalogue, operation);
  const isDry = wish.target.query.has("dryRun") || operation.delete?.options?.dryRun === true;
  if (isDry) throw badRequest("dry_run is said of a whole transaction");
  const attributes = attributesOf(wish.route);
  requireAllowed(door.authorizer, user, attributes);
  let answer: HttpResponse | undefined;
  const sink = new WholeAnswer((response) => {
    answer = response;
  });
  const exchange = new MessageExchange(partsOf(wish), caller, sink);
  await serveResource({ door, user, attributes, target: wish.target, exchange }, wish.route);
  invariant(answer !== undefined, "an operation is answered");
  return replyOf(answer);
}

/** One call of a `Calls` stream. Never rejects: a refusal is an answer with its id. */
export async function serveCall(door: Door, caller: Caller, request: CallRequest): Promise<CallReply> {
  const id = request.id ?? 0;
  try {
    if (request.transact != null) return { id, transacted: await serveTransact(door, caller, request.transact) };
    const { get } = request;
    const wish = (): Wish => (get == null ? writeWish(door.catalogue, request) : getWish(door.catalogue, get));
    return { id, reply: await serveWish(door, caller, wish) };
  } catch (error) {
    return { id, failure: { status: utf8(JSON.stringify(statusOf(error))) } };
  }
}
