// The door for machines that join, over a committed state and a log that are pretended.
import test, { type ExecutionContext } from "ava";
import { hashOfTokenSecret, tokenObject, tokenSecretName, type TokenFacts } from "../../../src/auth/join-tokens.ts";
import { noFaults } from "../../../src/env/faults.ts";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import type { HttpExchange, HttpResponse } from "../../../src/env/http.ts";
import { votersOnly } from "../../../src/raft/core/config.ts";
import type { Config, ConfigChange } from "../../../src/raft/core/types.ts";
import { joinMasterPath, joinNodePath, keysPath, membersPath } from "../../../src/server/joining/answers.ts";
import { Joining, type JoiningOptions } from "../../../src/server/joining/joining.ts";

const nowMs = Date.parse("2030-01-01T00:00:00Z");
const secret = "0123456789abcdef";
const facts = {
  id: "epoch-1",
  epoch: 0,
  name: "ha",
  podCidr: "10.42.0.0/16",
  serviceCidr: "10.43.0.0/16",
  dnsAddress: "10.43.0.10",
  clusterDomain: "cluster.local",
};

interface World {
  readonly objects: Map<string, object>;
  config: Config;
  role: "leader" | "follower";
  readonly changes: ConfigChange[];
  reachable: boolean;
  user: { readonly name: string; readonly groups: readonly string[] } | undefined;
  readonly taken: object[];
}

function world(): World {
  return {
    objects: new Map(),
    config: { ...votersOnly([1]), directory: [{ id: 1, address: "10.0.0.1:6445", isReader: false }] },
    role: "leader",
    changes: [],
    reachable: true,
    user: undefined,
    taken: [],
  };
}

function doorOf(state: World): Joining {
  const options: JoiningOptions = {
    version: "0.3.1",
    faults: false,
    cluster: () => facts,
    authorities: () => "PEM",
    keys: () => Promise.resolve({ "serving-ca.pem": "KEYS" }),
    takeKeys: (files) => Promise.resolve(void state.taken.push(files)),
    signNode: (node) => Promise.resolve(`certificate of ${node}`),
    reach: () => (state.reachable ? Promise.resolve() : Promise.reject(new Error("ECONNREFUSED"))),
  };
  const raft = {
    clusterId: "log-1",
    memberId: 1,
    term: 1,
    get leader() {
      return 1;
    },
    get role() {
      return state.role;
    },
    get config() {
      return state.config;
    },
    members: () => [],
    changeConfig(change: ConfigChange) {
      state.changes.push(change);
      if (change.type === "addLearner") {
        const { id, address, isReader } = change;
        const directory = [...state.config.directory, { id, address, isReader }];
        state.config = { ...state.config, learners: [...state.config.learners, id], directory };
      } else if (change.type === "remove") {
        const isLeft = (id: number): boolean => !change.ids.includes(id);
        state.config = {
          ...state.config,
          learners: state.config.learners.filter(isLeft),
          directory: state.config.directory.filter(({ id }) => isLeft(id)),
          removed: [...state.config.removed, ...change.ids],
        };
      }
      return Promise.resolve({ config: state.config, advice: "" });
    },
  };
  const row = (kind: string, namespace: string, name: string): object | undefined => {
    const object = state.objects.get(`${kind}/${namespace}/${name}`);
    return object === undefined ? undefined : { object: () => object };
  };
  const parts = {
    env: {
      crypto: realCrypto,
      faults: noFaults,
      clock: { wall: () => nowMs, mono: () => 0, after: () => ({ cancel: () => undefined }) },
      log: () => undefined,
    },
    core: {
      store: { committed: { get: row } },
      host: { readBarrier: () => Promise.resolve() },
      door: {
        authenticator: { authenticate: () => Promise.resolve(state.user) },
        authorizer: {
          authorize: (user: { groups: readonly string[] }) => ({
            allowed: user.groups.includes("system:masters"),
            reason: "",
          }),
        },
      },
    },
    raft,
  };
  return new Joining(options, parts as unknown as ConstructorParameters<typeof Joining>[1]);
}

interface Asked {
  readonly method?: string;
  readonly target: string;
  readonly body?: object | string;
  readonly token?: string;
  readonly certificate?: boolean;
}

interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

function ask(
  door: Joining,
  { method = "POST", target, body = {}, token, certificate = false }: Asked,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const exchange = {
      method,
      target,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      certificate: certificate ? { commonName: "x", organizations: [] } : undefined,
      body: () => Promise.resolve(new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body))),
      respond: (answer: HttpResponse) =>
        resolve({ status: answer.status, body: JSON.parse(new TextDecoder().decode(answer.body)) as Answered["body"] }),
      onClose: () => undefined,
    } as unknown as HttpExchange;
    if (!door.serve(exchange)) reject(new Error(`${target} is not for this door`));
  });
}

function give(state: World, more: Partial<TokenFacts> = {}): string {
  const id = more.id ?? "abc123";
  const hash = hashOfTokenSecret(realCrypto, secret);
  const written = { id, hash, role: "master", expiration: "", description: "", ...more } as const;
  const { stringData, ...rest } = tokenObject(written) as { stringData: Record<string, string> };
  const data = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  state.objects.set(`secrets/kube-system/${tokenSecretName(id)}`, {
    ...rest,
    data: Object.fromEntries(data) as object,
  });
  return `${id}.${secret}`;
}

const master = { host: "10.0.0.2", peerPort: 6_445, wished: {}, version: "0.3.0", nowMs };
const node = { node: "w1", signingRequest: "CSR", version: "0.3.1", nowMs };

function refused(t: ExecutionContext, answer: Answered, status: number, code: string, words: RegExp): void {
  t.is(answer.status, status, JSON.stringify(answer.body));
  t.is(answer.body["code"], code);
  t.regex(`${String(answer.body["message"])} ${String(answer.body["cause"])}`, words);
}

test("a master with a token becomes a learner with the lowest free id, and gets the keys", async (t) => {
  const state = world();
  state.config = { ...state.config, removed: [2] };
  const answer = await ask(doorOf(state), { target: joinMasterPath, body: master, token: give(state) });
  t.is(answer.status, 200, JSON.stringify(answer.body));
  t.like(answer.body, { clusterId: "log-1", memberId: 3, keys: { "serving-ca.pem": "KEYS" } });
  t.regex(String(answer.body["advice"]), /an odd number is better/);
  t.deepEqual(state.changes, [{ type: "addLearner", id: 3, address: "10.0.0.2:6445", isReader: false }]);
});

test("what is wrong with a token is told only to who has its secret", async (t) => {
  const state = world();
  const door = doorOf(state);
  const tried = (token?: string): Promise<Answered> =>
    ask(door, { target: joinMasterPath, body: master, ...(token === undefined ? {} : { token }) });
  refused(t, await tried(), 401, "TRP-0403", /not known here/);
  refused(t, await tried(`abc123.${secret}`), 401, "TRP-0403", /not known here/);
  give(state, { expiration: "2029-12-31T23:59:59Z" });
  refused(t, await tried("abc123.fedcba9876543210"), 401, "TRP-0403", /not known here/);
  refused(t, await tried(`abc123.${secret}`), 401, "TRP-0403", /ended at 2029/);
  give(state, { role: "node" });
  refused(t, await tried(`abc123.${secret}`), 401, "TRP-0403", /is for a node, not for a master/);
  t.deepEqual(state.changes, []);
});

test("a machine that does not fit is not taken in: clock, version, flags, an address that nobody reaches", async (t) => {
  const state = world();
  const token = give(state);
  const door = doorOf(state);
  const tried = (more: object): Promise<Answered> =>
    ask(door, { target: joinMasterPath, body: { ...master, ...more }, token });
  refused(t, await tried({ nowMs: nowMs - 61_000 }), 409, "TRP-0405", /61 s apart/);
  refused(t, await tried({ version: "0.5.0" }), 409, "TRP-0405", /Troupe 0\.5\.0 cannot join/);
  refused(t, await tried({ version: "1.3.0" }), 409, "TRP-0405", /cannot join/);
  refused(
    t,
    await tried({ wished: { clusterDomain: "other" } }),
    409,
    "TRP-0404",
    /--cluster-domain is cluster\.local/,
  );
  refused(t, await tried({ faults: true }), 409, "TRP-0404", /without --enable-faults, this one with/);
  state.reachable = false;
  refused(t, await tried({ faults: false }), 409, "TRP-0405", /10\.0\.0\.2:6445 cannot be reached.*ECONNREFUSED/);
  t.deepEqual(state.changes, []);
});

test("a learner that asks again takes its own place anew; a voter's address is taken", async (t) => {
  const state = world();
  const token = give(state);
  const door = doorOf(state);
  await ask(door, { target: joinMasterPath, body: master, token });
  const again = await ask(door, { target: joinMasterPath, body: master, token });
  t.is(again.body["memberId"], 3);
  t.deepEqual(
    state.changes.map(({ type }) => type),
    ["addLearner", "remove", "addLearner"],
  );
  const twin = await ask(door, { target: joinMasterPath, body: { ...master, host: "10.0.0.1" }, token });
  refused(t, twin, 409, "TRP-0407", /member 1 has the address 10\.0\.0\.1:6445/);
});

test("who does not lead names who does; nodes are served by anybody", async (t) => {
  const state = world();
  state.config = { ...votersOnly([1, 2]), directory: [{ id: 1, address: "10.0.0.1:6445", isReader: false }] };
  state.role = "follower";
  const door = doorOf(state);
  const told = await ask(door, { target: joinMasterPath, body: master, token: give(state) });
  t.is(told.status, 503, "it is the leader itself, and does not lead yet");
  const token = give(state, { id: "nnnnnn", role: "node" });
  const joined = await ask(door, { target: joinNodePath, body: node, token });
  t.like(joined.body, { certificate: "certificate of w1", authorities: "PEM", masters: ["10.0.0.1:6443"] });
});

test("a node that is Ready is not joined twice; it renews with its own certificate, and for nobody else", async (t) => {
  const state = world();
  const ready = { status: { conditions: [{ type: "Ready", status: "True" }] } };
  state.objects.set("nodes//w1", ready);
  const door = doorOf(state);
  const token = give(state, { role: "node" });
  refused(t, await ask(door, { target: joinNodePath, body: node, token }), 409, "TRP-0407", /"w1", and it is Ready/);
  state.user = { name: "system:node:w1", groups: ["system:nodes"] };
  const renewed = await ask(door, { target: joinNodePath, body: node, certificate: true });
  t.is(renewed.body["certificate"], "certificate of w1");
  const other = await ask(door, { target: joinNodePath, body: { ...node, node: "w2" }, certificate: true });
  t.is(other.status, 401);
});

test("members and keys are an administrator's; nodes may look at the members", async (t) => {
  const state = world();
  const door = doorOf(state);
  const files = { "serving-ca.pem": "X" };
  t.is((await ask(door, { method: "GET", target: membersPath })).status, 403);
  state.user = { name: "system:node:w1", groups: ["system:nodes"] };
  t.is((await ask(door, { method: "GET", target: membersPath })).status, 200);
  t.is((await ask(door, { target: membersPath, body: { type: "remove", id: 1, isForced: false } })).status, 403);
  t.is((await ask(door, { target: keysPath, body: { files } })).status, 403);
  t.deepEqual([state.changes, state.taken], [[], []]);
  state.user = { name: "admin", groups: ["system:masters"] };
  t.is((await ask(door, { target: keysPath, body: { files } })).status, 200);
  t.is((await ask(door, { target: membersPath, body: { type: "remove", id: 2, isForced: true } })).status, 200);
  t.deepEqual([state.changes, state.taken], [[{ type: "remove", ids: [2] }], [files]]);
});

test("a request that is none is refused, not thrown", async (t) => {
  const state = world();
  const token = give(state);
  const door = doorOf(state);
  for (const body of ["", "null", "[", '"x"', "{}", '{"host":1}', JSON.stringify({ ...master, wished: null })]) {
    const answer = await ask(door, { target: joinMasterPath, body, token });
    t.is(answer.body["code"], "TRP-0406", body);
  }
  const named = await ask(door, {
    target: joinNodePath,
    body: { ...node, node: "../x" },
    token: give(state, { role: "node" }),
  });
  refused(t, named, 409, "TRP-0406", /no name of a node/);
});
