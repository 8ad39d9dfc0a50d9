import fc from "fast-check";
import test from "ava";
import { MessageExchange } from "../../../src/api/grpc/exchange.ts";
import { framesOf } from "../../../src/api/grpc/watch-frames.ts";
import { badRequest, conflict, expired, notFound } from "../../../src/kinds/status-errors.ts";
import { textOf, utf8 } from "../../../src/util/bytes.ts";
import { StatusError, type Status } from "../../../src/util/errors.ts";
import { decodeDetails, encodeDetails, grpcCodeOf, grpcCodes } from "../../../src/util/grpc.ts";

const pods = { group: "", plural: "pods" };

test("each refusal has the gRPC code that clients expect of it", (t) => {
  const cases: readonly (readonly [code: number, reason: string, grpc: keyof typeof grpcCodes])[] = [
    [400, "BadRequest", "INVALID_ARGUMENT"],
    [401, "Unauthorized", "UNAUTHENTICATED"],
    [403, "Forbidden", "PERMISSION_DENIED"],
    [404, "NotFound", "NOT_FOUND"],
    [405, "MethodNotAllowed", "UNIMPLEMENTED"],
    [409, "AlreadyExists", "ALREADY_EXISTS"],
    [409, "Conflict", "ABORTED"],
    [410, "Expired", "OUT_OF_RANGE"],
    [413, "RequestEntityTooLarge", "INVALID_ARGUMENT"],
    [422, "Invalid", "INVALID_ARGUMENT"],
    [429, "TooManyRequests", "RESOURCE_EXHAUSTED"],
    [500, "InternalError", "INTERNAL"],
    [503, "ServiceUnavailable", "UNAVAILABLE"],
    [504, "Timeout", "DEADLINE_EXCEEDED"],
  ];
  for (const [code, reason, name] of cases) t.is(grpcCodeOf({ code, reason }), grpcCodes[name], `${code} ${reason}`);
});

test("a Status comes out of the details as it went in, whatever its texts", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string(), (message, name) => {
      const status: Status = { ...notFound(pods, name).status, message };
      t.deepEqual(decodeDetails(encodeDetails(status)), status);
    }),
  );
});

test("details of other kinds, and bytes that are none, hold no Status", (t) => {
  t.is(decodeDetails(new Uint8Array(0)), undefined);
  t.is(decodeDetails(utf8("\u001a\u0004\n\u0002xx")), undefined);
  t.is(decodeDetails(Uint8Array.of(0x1a, 0x7f, 1)), undefined);
});

test("a chunk of a watch becomes its events, byte by byte those of the encoder", (t) => {
  const objects = ['{"a":"line\\nbreak"}', '{"kind":"Pod","metadata":{"name":"\\"type\\":\\"ERROR\\""}}', "{}"];
  const types = ["ADDED", "DELETED", "BOOKMARK"];
  const chunk = objects.map((object, at) => `{"type":"${types[at]}","object":${object}}\n`).join("");
  const { events, failure } = framesOf(utf8(chunk));
  t.is(failure, undefined);
  t.deepEqual(
    events.map(({ type, object }) => [type, textOf(object)]),
    [1, 3, 4].map((type, at) => [type, objects[at]]),
  );
});

test("an ERROR event ends the watch with its Status, behind the events before it", (t) => {
  const { status } = expired();
  const chunk = `{"type":"ADDED","object":{}}\n{"type":"ERROR","object":${JSON.stringify(status)}}\n`;
  const { events, failure } = framesOf(utf8(chunk));
  t.is(events.length, 1);
  t.true(failure instanceof StatusError);
  t.deepEqual(failure?.status, status);
});

test("a message's exchange takes credentials from the metadata, and the body's form from the message", async (t) => {
  const answers: number[] = [];
  let closed = 0;
  const exchange = new MessageExchange(
    { method: "POST", path: "/troupe.v1.Api/Create", body: utf8("12345") },
    {
      headers: { authorization: "Bearer t", accept: "text/html", "content-type": "application/grpc" },
      certificate: undefined,
      remoteAddress: "",
      onClose: () => undefined,
    },
    { respond: ({ status }) => void answers.push(status), chunk: () => t.fail(), end: () => t.fail(), pending: 0 },
  );
  exchange.onClose(() => (closed += 1));
  t.deepEqual(exchange.headers, {
    authorization: "Bearer t",
    "content-type": "application/json",
  });
  t.is(exchange.bodyBytes, 5);
  await t.throwsAsync(exchange.body(4), { message: "Request entity too large: limit is 4" });
  await t.throwsAsync(exchange.upgrade(), { message: badRequest("Upgrade request required").message });
  exchange.respond({ status: 200, headers: {}, body: new Uint8Array(0) });
  exchange.respond({ status: 500, headers: {}, body: utf8(JSON.stringify(conflict(pods, "a").status)) });
  t.deepEqual(answers, [200]);
  t.is(closed, 1);
});
