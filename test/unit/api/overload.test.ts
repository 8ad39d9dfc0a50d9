import test from "ava";
import fc from "fast-check";
import type { Attributes } from "../../../src/auth/auth-api.ts";
import { limits } from "../../../src/api/limits.ts";
import { priorityOf, widthOf, type PriorityLevel } from "../../../src/api/priority.ts";
import { createSeats, type Release, type SeatRequest, type Seats } from "../../../src/api/seats.ts";
import type { StatusError } from "../../../src/util/errors.ts";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { createSimEnv, type SimEnv } from "../../../src/sim/env.ts";
import { CM, configMap, createRig, type FakeExchange } from "./harness.ts";

const none: Readonly<Record<PriorityLevel, number>> = {
  system: 0,
  leader: 0,
  node: 0,
  controllers: 0,
  workload: 0,
  "catch-all": 0,
};

interface Stage {
  readonly env: SimEnv;
  readonly seats: Seats;
  /** What was answered to whom, in order. */
  readonly log: string[];
  /** Asks; the answer goes to the log. */
  readonly ask: (name: string, more?: Partial<SeatRequest>) => void;
  readonly free: (name: string) => void;
  readonly leave: (name: string) => void;
}

function stage(workload: number): Stage {
  const env = createSimEnv({ seed: 1, crypto: realCrypto });
  const seats = createSeats(env.clock, { ...none, workload, leader: 1 });
  const log: string[] = [];
  const held = new Map<string, Release>();
  const gone = new Map<string, () => void>();
  return {
    env,
    seats,
    log,
    ask: (name, more = {}) => {
      const flow = name.replace(/\d+$/, "");
      const onGone = (run: () => void): void => void gone.set(name, run);
      const got = (release: Release): void => {
        held.set(name, release);
        log.push(name);
      };
      try {
        const taken = seats.take({ level: "workload", flow, width: 1, onGone, ...more });
        if (typeof taken === "function") got(taken);
        else taken.then(got, (error: Error) => log.push(`${name}: ${error.message}`));
      } catch (error) {
        log.push(`${name}: ${(error as Error).message}`);
      }
    },
    free: (name) => held.get(name)?.(),
    leave: (name) => gone.get(name)?.(),
  };
}

const workload = (seats: Seats): Seats["levels"][number] => seats.levels.find(({ name }) => name === "workload")!;
const refused = "Too many requests, please try again later.";

test("flows take turns, however much one of them asks for", async (t) => {
  const { env, ask, free, log } = stage(1);
  for (const name of ["a1", "a2", "a3", "a4", "b1", "c1", "b2"]) ask(name);
  for (const name of ["a1", "a2", "b1", "c1", "a3", "b2"]) {
    await env.advance(1);
    free(name);
  }
  await env.advance(1);
  t.deepEqual(log, ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
});

test("a wide request waits for its seats and is not passed by narrow ones", async (t) => {
  const { env, ask, free, log, seats } = stage(4);
  ask("a1", { width: 3 });
  ask("b1", { width: 2 });
  ask("c1");
  await env.advance(1);
  t.deepEqual(log, ["a1"]);
  free("a1");
  free("a1");
  await env.advance(1);
  t.deepEqual(log, ["a1", "b1", "c1"]);
  t.is(workload(seats).taken, 3, "a release counts once");
  ask("d1", { width: 100 });
  free("b1");
  free("c1");
  await env.advance(1);
  t.is(log.at(-1), "d1", "wider than the level: the whole level");
});

test("who waits too long, or has gone, is refused and counted", async (t) => {
  const { env, ask, free, leave, log, seats } = stage(1);
  for (const name of ["a1", "b1", "c1"]) ask(name);
  leave("b1");
  await env.advance(limits.seatWaitMs + 10);
  t.deepEqual(log, ["a1", `b1: ${refused}`, `c1: ${refused}`]);
  t.deepEqual({ ...workload(seats).refused }, { full: 0, late: 1, gone: 1 });
  free("a1");
  t.is(workload(seats).taken, 0);
});

test("a flow's queue is bounded, and a full level drops the longest flow's last for a newcomer", async (t) => {
  const { env, ask, log, seats } = stage(1);
  ask("z1");
  for (let count = 1; count <= limits.flowQueueMax + 1; count += 1) ask(`a${count}`);
  await env.advance(1);
  t.deepEqual(log, ["z1", `a${limits.flowQueueMax + 1}: ${refused}`]);
  for (let count = 1; count <= limits.levelQueueMax - limits.flowQueueMax; count += 1) ask(`b${count}`);
  ask("c1");
  await env.advance(1);
  t.is(workload(seats).waiting, limits.levelQueueMax);
  t.is(log.at(-1), `a${limits.flowQueueMax}: ${refused}`);
});

test("the more are refused for each that is served, the longer they are sent away; a quiet while forgets it", async (t) => {
  const env = createSimEnv({ seed: 1, crypto: realCrypto });
  const seats = createSeats(env.clock, { ...none, workload: 1 });
  const asked = { level: "workload", flow: "a", width: 1, onGone: () => undefined } as const;
  const ask = (): number => {
    try {
      const taken = seats.take(asked);
      if (typeof taken !== "function") taken.catch(() => undefined);
      return 0;
    } catch (error) {
      return (error as StatusError).status.details?.retryAfterSeconds ?? 0;
    }
  };
  for (let count = 0; count <= limits.flowQueueMax; count += 1) ask();
  const second = async (refusals: number): Promise<number> => {
    let last = 0;
    for (let count = 0; count < refusals; count += 1) last = ask();
    await env.advance(1_000);
    return last;
  };
  t.is(await second(3), 1);
  t.is(await second(1), 3, "three refused, one served");
  t.is(await second(5), 3);
  t.is(await second(5), limits.retryAfterMaxSeconds);
  await env.advance(60_000);
  for (let count = 0; count <= limits.flowQueueMax; count += 1) ask();
  t.is(ask(), 1);
});

test("one level's flood leaves the others theirs", (t) => {
  const { ask, log } = stage(0);
  for (let count = 0; count < 1_000; count += 1) ask(`a${count}`);
  ask("lease", { level: "leader" });
  t.is(log.at(-1), "lease");
});

test("whatever is asked, given back and given up: never more than the seats, and in the end all are free", async (t) => {
  const step = fc.oneof(
    fc.record({ ask: fc.nat(3), width: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ free: fc.nat(40) }),
    fc.record({ leave: fc.nat(40) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), async (steps, count) => {
      const { env, ask, free, leave, seats } = stage(count);
      const names: string[] = [];
      for (const one of steps) {
        if ("ask" in one) {
          const name = `f${one.ask}-${names.length}`;
          names.push(name);
          ask(name, { width: one.width, flow: String(one.ask) });
        } else if ("free" in one) free(names[one.free] ?? "");
        else leave(names[one.leave] ?? "");
        await env.advance(1);
        const { taken, waiting } = workload(seats);
        if (taken > count || (waiting > 0 && taken === 0)) return false;
      }
      for (let round = 0; round <= names.length; round += 1) {
        for (const name of names) free(name);
        await env.advance(1);
      }
      return workload(seats).taken === 0 && workload(seats).waiting === 0;
    }),
    { numRuns: 100 },
  );
  t.pass();
});

const about = (plural: string, group = "", verb = "create"): Attributes => ({
  resource: true,
  verb,
  group,
  version: "v1",
  plural,
  subresource: "",
  namespace: "n",
  name: "",
});
const user = (name: string, ...groups: readonly string[]): { name: string; groups: readonly string[] } => ({
  name,
  groups: ["system:authenticated", ...groups],
});

const priorities: readonly (readonly [ReturnType<typeof user>, Attributes, string])[] = [
  [user("admin", "system:masters"), about("pods"), "system admin"],
  [user("system:node:n1", "system:nodes"), about("pods"), "node system:node:n1"],
  [user("system:node:n1", "system:nodes"), about("leases", "coordination.k8s.io"), "leader system:node:n1"],
  [user("system:kube-scheduler"), about("pods"), "controllers system:kube-scheduler"],
  [user("system:serviceaccount:kube-system:dns"), about("pods"), "controllers system:serviceaccount:kube-system:dns"],
  [user("system:serviceaccount:shop:cart"), about("pods"), "workload shop"],
  [user("eve"), about("pods"), "workload eve"],
  [{ name: "system:anonymous", groups: ["system:unauthenticated"] }, about("pods"), "catch-all "],
  [user("eve"), { resource: false, verb: "get", path: "/readyz/ping" }, "exempt"],
  [user("eve"), { resource: false, verb: "get", path: "/readyzz" }, "workload eve"],
];
for (const [who, attributes, expected] of priorities) {
  const what = attributes.resource ? attributes.plural : attributes.path;
  test(`${who.name} on ${what} is ${expected}`, (t) => {
    const priority = priorityOf(who, attributes);
    t.is(priority === undefined ? "exempt" : `${priority.level} ${priority.flow}`, expected);
  });
}

test("lists are as wide as their rows, writes as their bodies", (t) => {
  t.is(widthOf(about("pods", "", "list"), { limit: 500, bodyBytes: 0 }), 5);
  t.is(widthOf(about("pods", "", "list"), { limit: 1, bodyBytes: 0 }), 1);
  t.is(widthOf(about("pods", "", "list"), { limit: 0, bodyBytes: 0 }), 4);
  t.is(widthOf(about("pods", "", "list"), { limit: 100_000, bodyBytes: 0 }), limits.seatWidthMax);
  t.is(widthOf(about("pods"), { limit: 0, bodyBytes: 1_000 }), 1);
  t.is(widthOf(about("pods"), { limit: 0, bodyBytes: 3 * 1024 * 1024 }), limits.seatWidthMax);
});

test("of those who come back when they are told to few are refused beside those that are served", async (t) => {
  const env = createSimEnv({ seed: 1, crypto: realCrypto });
  const seats = createSeats(env.clock, { ...none, workload: 100 });
  const seen = { served: 0, refused: 0 };
  const client = async (): Promise<void> => {
    for (;;) {
      try {
        const release = await seats.take({ level: "workload", flow: "a", width: 1, onGone: () => undefined });
        await new Promise<void>((resolve) => void env.clock.after(50, resolve));
        seen.served += 1;
        release();
      } catch (error) {
        seen.refused += 1;
        const seconds = (error as StatusError).status.details?.retryAfterSeconds ?? 0;
        await new Promise<void>((resolve) => void env.clock.after(seconds * 1_000, resolve));
      }
    }
  };
  for (let count = 0; count < 3 * limits.flowQueueMax; count += 1) void client();
  await env.advance(20_000);
  Object.assign(seen, { served: 0, refused: 0 });
  await env.advance(30_000);
  t.is(seen.served, 60_000, "no seat stays empty");
  t.true(seen.refused > 0 && seen.refused < seen.served / 3, JSON.stringify(seen));
});

test("beyond seats and queue a request is a 429 with Retry-After, and its body is not read", async (t) => {
  const env = createSimEnv({ seed: 1, crypto: realCrypto });
  const seats = createSeats(env.clock, { ...limits.seats, workload: 1 });
  const rig = await createRig({ seats });
  const eve = { name: "eve", groups: ["system:authenticated"] };
  const release = await seats.take({ level: "workload", flow: "eve", width: 1, onGone: () => undefined });
  const waiting = Array.from({ length: limits.flowQueueMax }, (_, index) =>
    rig.open("POST", CM, { user: eve, body: configMap(`c${index}`) }),
  );
  await rig.env.advance(10);
  const more = rig.open("POST", CM, { user: eve, body: configMap("more") });
  await rig.env.advance(10);
  t.is(more.response?.status, 429);
  t.is(more.response?.headers["retry-after"], "1");
  t.like(JSON.parse(more.text), { kind: "Status", reason: "TooManyRequests", message: refused, code: 429 });
  t.is(more.bodyReads, 0);
  t.is(waiting[0]!.bodyReads, 0);
  t.is((await rig.post(CM, configMap("of-admin"))).code, 201, "another level goes on");
  t.is((await rig.call("GET", "/readyz", { user: eve })).code, 200, "health needs no seat");
  release();
  await rig.env.advance(2_000);
  t.true(waiting.every(({ response }) => response?.status === 201));
  const { text } = await rig.call("GET", "/metrics");
  t.regex(text, /^apiserver_flowcontrol_rejected_requests_total\{priority_level="workload",reason="queue-full"\} 1$/m);
});

const SA = "/api/v1/namespaces/n/serviceaccounts";
const review = {
  apiVersion: "authorization.k8s.io/v1",
  kind: "SelfSubjectAccessReview",
  spec: { resourceAttributes: { verb: "get", resource: "pods", namespace: "n" } },
};
const token = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 600 } };

for (const [what, target, body] of [
  ["TokenRequests", `${SA}/robot/token`, token],
  ["access reviews", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review],
] as const) {
  test(`a flood of ${what} is answered or told to come back; others of the same level have their turn in it`, async (t) => {
    const env = createSimEnv({ seed: 1, crypto: realCrypto });
    const seats = createSeats(env.clock, { ...limits.seats, workload: 4 });
    const rig = await createRig({ seats });
    t.is((await rig.post(SA, { metadata: { name: "robot" } })).code, 201);
    const user = (name: string) => ({ name, groups: ["system:authenticated"] });
    const held = await seats.take({ level: "workload", flow: "x", width: 4, onGone: () => undefined });
    const flood = Array.from({ length: 3_000 }, () => rig.open("POST", target, { user: user("eve"), body }));
    await rig.env.advance(10);
    const ann = rig.open("POST", target, { user: user("ann"), body });
    const begun = rig.open("POST", target, {
      user: { name: "root", groups: ["system:masters", "system:authenticated"] },
      body,
    });
    await rig.env.advance(10);
    t.is(begun.response?.status, 201, "another level does not wait");
    held();
    await rig.env.advance(3_000);
    t.is(ann.response?.status, 201);
    const served = flood.filter(({ response }) => response?.status === 201);
    const refusedOnes = flood.filter(({ response }) => response?.status === 429);
    t.is(served.length, limits.flowQueueMax, "as many as could wait");
    t.is(served.length + refusedOnes.length, flood.length);
    t.true(refusedOnes.every(({ response }) => Number(response?.headers["retry-after"]) >= 1));
    t.true(refusedOnes.every(({ bodyReads }) => bodyReads === 0));
    t.is(seats.levels.find(({ name }) => name === "workload")?.taken, 0);
  });
}

test("thousands of watches: as many as a member takes, the next is told to come back, and a place given up is free", async (t) => {
  const rig = await createRig();
  const user = (at: number) => ({ name: `u${at % 6}`, groups: ["system:authenticated"] });
  await rig.post(CM, configMap("before"));
  // Who goes on where another watch ended takes no seat.
  const target = `${CM}?watch=1&resourceVersion=${rig.store.revision}`;
  const all: FakeExchange[] = [];
  for (let at = 0; at < limits.watchesMax; at += 1) {
    all.push(rig.open("GET", target, { user: user(at) }));
  }
  await rig.env.advance(10);
  t.true(all.every(({ head }) => head?.status === 200));
  const more = rig.open("GET", target, { user: user(0) });
  await rig.env.advance(10);
  t.is(more.response?.status, 429);
  t.is(more.response?.headers["retry-after"], "1");
  t.is((await rig.post(CM, configMap("a"))).code, 201, "writes go on");
  await rig.env.advance(10);
  t.true(all.every(({ events }) => events.length === 1));
  all[0]!.disconnect();
  const next = rig.open("GET", target, { user: user(0) });
  await rig.env.advance(10);
  t.is(next.head?.status, 200);
});
