import test from "ava";
import type { CallReply, WatchBatch } from "../../src/api/grpc/messages.ts";
import type { Client, Manifest } from "../../src/client/client.ts";
import type { WatchEvent } from "../../src/client/watch.ts";
import type { ConfigMap } from "../../src/kinds/generated/types.ts";
import { createRng } from "../../src/sim/random.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import { textOf, utf8 } from "../../src/util/bytes.ts";
import { StatusError, type Status } from "../../src/util/errors.ts";
import { eventTypes, patchTypes } from "../../src/util/grpc.ts";
import { deployment, pod } from "./kit.ts";

/** The native door and its client on a whole master in virtual time. */

const admin = { name: "admin", groups: ["system:masters"] };
const nobody = { name: "nobody", groups: ["system:authenticated"] };

function configMap(name: string, data: Record<string, string> = { k: "v" }): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

async function refusal(cluster: Cluster, promise: Promise<unknown>): Promise<Status> {
  const settled = await cluster.run(
    promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  if (!(settled instanceof StatusError)) throw new Error(`no refusal: ${String(settled)}`);
  return settled.status;
}

// ---- differential ----

interface Seen {
  readonly code: number;
  readonly body: unknown;
  readonly warnings: readonly string[];
}

/** One request as both doors understand it. */
interface Step {
  readonly verb: "get" | "list" | "create" | "replace" | "patch" | "apply" | "delete" | "deletecollection";
  readonly kind: { readonly group: string; readonly version: string; readonly plural: string };
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly object?: unknown;
  readonly patchType?: keyof typeof patchTypes;
  readonly query: Readonly<Record<string, string>>;
  readonly user: typeof admin | "anonymous";
}

async function overRest(cluster: Cluster, step: Step): Promise<Seen> {
  const { group, version, plural } = step.kind;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const space = step.namespace === "" ? "" : `/namespaces/${step.namespace}`;
  const tail = [step.name, step.subresource].filter((part) => part !== "").map((part) => `/${part}`);
  const query = new URLSearchParams(step.query).toString();
  const methods = { get: "GET", list: "GET", create: "POST", replace: "PUT", patch: "PATCH", apply: "PATCH" } as const;
  const method = step.verb in methods ? methods[step.verb as keyof typeof methods] : "DELETE";
  const type = step.verb === "apply" ? "application/apply-patch+yaml" : restPatchTypes[step.patchType ?? "none"];
  const answer = await cluster.request(
    method,
    `${root}${space}/${plural}${tail.join("")}${query === "" ? "" : `?${query}`}`,
    step.object,
    { user: step.user, ...(type === undefined ? {} : { headers: { "content-type": type } }) },
  );
  const warning = answer.headers["warning"] ?? [];
  const texts = (typeof warning === "string" ? [warning] : warning).map((text) =>
    text.slice('299 - "'.length, -1).replaceAll(/\\(["\\])/g, "$1"),
  );
  const body: unknown = JSON.parse(answer.text);
  if ((step.verb === "list" || step.verb === "deletecollection") && answer.code === 200) {
    const { items, metadata } = body as { items: unknown[]; metadata: { continue?: string } };
    return { code: 200, body: { items, more: metadata.continue !== undefined }, warnings: texts };
  }
  return { code: answer.code, body, warnings: texts };
}

const restPatchTypes: Readonly<Record<string, string | undefined>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

async function overGrpc(cluster: Cluster, step: Step): Promise<Seen> {
  const transport = cluster.transport(step.user);
  const { group, version, plural } = step.kind;
  const { namespace, name, subresource, query } = step;
  const ref = { group, version, resource: plural, namespace, name, subresource };
  const options = {
    fieldManager: query["fieldManager"] ?? "",
    fieldValidation: query["fieldValidation"] ?? "",
    dryRun: query["dryRun"] === "All",
  };
  const object = step.object === undefined ? new Uint8Array(0) : utf8(JSON.stringify(step.object));
  const selectors = { labelSelector: query["labelSelector"] ?? "", fieldSelector: query["fieldSelector"] ?? "" };
  const deleteOptions = {
    dryRun: query["dryRun"] === "All",
    propagationPolicy: query["propagationPolicy"] ?? "",
    ...(query["gracePeriodSeconds"] === undefined ? {} : { gracePeriodSeconds: Number(query["gracePeriodSeconds"]) }),
  };
  const call = async (): Promise<Seen> => {
    switch (step.verb) {
      case "list": {
        const items: unknown[] = [];
        let more = "";
        const { limit = "0", resourceVersion = "", resourceVersionMatch = "" } = query;
        const request = { ref, ...selectors, limit: Number(limit), resourceVersion, resourceVersionMatch };
        for await (const page of transport.stream("List", { ...request, pageSize: 2 })) {
          items.push(...page.objects.map((bytes) => JSON.parse(textOf(bytes)) as unknown));
          more = page.continue ?? "";
        }
        return { code: 200, body: { items, more: more !== "" }, warnings: [] };
      }
      case "deletecollection": {
        const page = await transport.unary("DeleteCollection", { ref, ...selectors, options: deleteOptions });
        const items = page.objects.map((bytes) => JSON.parse(textOf(bytes)) as unknown);
        return { code: 200, body: { items, more: false }, warnings: [] };
      }
      case "get":
        return seen(await transport.unary("Get", { ref, resourceVersion: query["resourceVersion"] ?? "" }));
      case "create":
        return seen(await transport.unary("Create", { ref, object, options }));
      case "replace":
        return seen(await transport.unary("Replace", { ref, object, options }));
      case "apply":
        return seen(await transport.unary("Apply", { ref, object, options, force: query["force"] === "true" }));
      case "patch":
        return seen(
          await transport.unary("Patch", { ref, type: patchTypes[step.patchType ?? "merge"], patch: object, options }),
        );
      case "delete":
        return seen(await transport.unary("Delete", { ref, options: deleteOptions }));
    }
  };
  try {
    return await cluster.run(call());
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { code: error.status.code, body: error.status, warnings: [] };
  }
}

function seen(reply: {
  readonly code: number;
  readonly object: Uint8Array;
  readonly warnings: readonly string[];
}): Seen {
  return { code: reply.code, body: JSON.parse(textOf(reply.object)), warnings: reply.warnings };
}

/** What chance, clocks and counters give to objects is not compared. */
function normal(value: unknown): unknown {
  const text = JSON.stringify(value)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uid>")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "<time>")
    .replaceAll(/"resourceVersion":"\d+"/g, '"resourceVersion":"<revision>"')
    .replaceAll(/too old resource version: \d+ \(\d+\)/g, "too old")
    .replaceAll(/-[bcdfghjklmnpqrstvwxz2456789]{5}"/g, '-<random>"');
  return JSON.parse(text);
}

/** Good and bad requests in a mix that meets most paths: seldom what is refused first, often what conflicts. */
function randomStep(seed: number, at: number): Step {
  const rng = createRng(seed, `step-${at}`);
  const pick = <T>(list: readonly T[]): T => list[rng.below(list.length)] as T;
  const verb = pick([
    "create",
    "create",
    "create",
    "get",
    "list",
    "replace",
    "patch",
    "patch",
    "apply",
    "delete",
    "deletecollection",
  ] as const);
  const plural = pick([
    "configmaps",
    "configmaps",
    "secrets",
    "services",
    "deployments",
    "leases",
    "bogus",
    "namespaces",
  ]);
  const groups: Readonly<Record<string, string>> = { deployments: "apps", leases: "coordination.k8s.io" };
  const group = groups[plural] ?? "";
  const isCluster = plural === "namespaces";
  const name = pick(["a", "b", "c", "d", "Bad_Name"]);
  const isCollection = verb === "create" || verb === "list" || verb === "deletecollection";
  const query: Record<string, string> = {};
  if (rng.below(5) === 0) query["dryRun"] = "All";
  if (verb === "list" || verb === "deletecollection") {
    delete query["dryRun"];
    query["labelSelector"] = pick(["", "app=x", "app in (x", "!app"]);
    query["fieldSelector"] = pick(["", "", "metadata.name=a", "spec.bogus=1"]);
    if (verb === "list") {
      query["limit"] = pick(["0", "1", "3"]);
      query["resourceVersion"] = pick(["", "0", "1", "x"]);
      query["resourceVersionMatch"] = pick(["", "", "Exact", "NotOlderThan", "odd"]);
    }
  } else if (verb === "delete") {
    query["propagationPolicy"] = pick(["", "Background", "Orphan", "Odd"]);
    if (rng.below(3) === 0) query["gracePeriodSeconds"] = "0";
  } else if (verb !== "get") {
    query["fieldManager"] = pick(["", "me", "x".repeat(200)]);
    query["fieldValidation"] = pick(["", "Strict", "Warn", "Ignore", "odd"]);
    if (verb === "apply" && rng.below(2) === 0) query["force"] = "true";
  }
  for (const key of Object.keys(query)) if (query[key] === "") delete query[key];
  return {
    verb,
    kind: { group, version: "v1", plural },
    namespace: isCluster ? "" : pick(["default", "default", "default", "absent"]),
    name: isCollection ? "" : name,
    subresource: verb === "get" || verb === "replace" ? pick(["", "", "", "status", "scale", "odd"]) : "",
    query,
    user: pick([admin, admin, admin, admin, admin, nobody, "anonymous"]) as Step["user"],
    ...bodyOf({ verb, plural, name }, pick),
  };
}

function bodyOf(
  { verb, plural, name }: { readonly verb: Step["verb"]; readonly plural: string; readonly name: string },
  pick: <T>(list: readonly T[]) => T,
): Partial<Step> {
  const labels = pick([{}, { app: "x" }, { app: "not a label!" }]);
  const metadata = { name, labels, ...pick([{}, {}, {}, { resourceVersion: "1" }, { odd: 1 }]) };
  const shapes: Readonly<Record<string, readonly object[]>> = {
    configmaps: [{ data: { k: pick(["v", "w"]) } }, { data: { k: 1 } }, { odd: true }, { data: { "a/b": "v" } }],
    secrets: [{ stringData: { k: "v" } }, { data: { k: "dg==" } }, { data: { k: "%" } }],
    services: [{ spec: { ports: [{ port: 80 }] } }, { spec: { ports: [{ port: 0 }] } }, { spec: {} }],
    deployments: [
      { spec: { ...(deployment("x") as unknown as { spec: object }).spec, replicas: 0 } },
      { spec: { replicas: -1 } },
    ],
    leases: [{ spec: { holderIdentity: "h" } }, { spec: { leaseDurationSeconds: 0 } }],
    namespaces: [{}, { spec: { odd: 1 } }],
    bogus: [{}],
  };
  const types: Readonly<Record<string, readonly [string, string]>> = {
    configmaps: ["v1", "ConfigMap"],
    secrets: ["v1", "Secret"],
    services: ["v1", "Service"],
    deployments: ["apps/v1", "Deployment"],
    leases: ["coordination.k8s.io/v1", "Lease"],
    namespaces: ["v1", "Namespace"],
    bogus: ["v1", "Bogus"],
  };
  const [apiVersion, kind] = pick([types[plural]!, types[plural]!, types[plural]!, ["v1", "Pod"]]) as [string, string];
  switch (verb) {
    case "create":
    case "replace":
    case "apply":
      return { object: { apiVersion, kind, metadata, ...pick(shapes[plural]!) } };
    case "patch": {
      const patchType = pick(["json", "merge", "strategic"] as const);
      const object =
        patchType === "json"
          ? pick<unknown>([
              [{ op: "add", path: "/metadata/annotations", value: { a: "b" } }],
              [{ op: "test", path: "/kind", value: "odd" }],
              [{ op: "remove", path: "/none" }],
              { not: "a list" },
            ])
          : pick<unknown>([
              { metadata: { annotations: { a: "b" } } },
              { metadata: { resourceVersion: "1" } },
              { odd: 1 },
              7,
            ]);
      return { patchType, object };
    }
    default:
      return {};
  }
}

test("whatever is asked of both doors, they answer and store the same", async (t) => {
  const seed = 11;
  await using rest = await createCluster({ nodes: 0, seed, time: "virtual" });
  await using grpc = await createCluster({ nodes: 0, seed, time: "virtual" });
  const codes = new Map<number, number>();
  for (let at = 0; at < 400; at += 1) {
    const step = randomStep(seed, at);
    const [left, right] = [await overRest(rest, step), await overGrpc(grpc, step)];
    t.deepEqual(normal(right), normal(left), `step ${at}: ${JSON.stringify(step)}`);
    codes.set(left.code, (codes.get(left.code) ?? 0) + 1);
  }
  for (const kind of ["configmaps", "secrets", "services", "deployments.apps", "namespaces"] as const) {
    t.deepEqual(normal(grpc.list(kind)), normal(rest.list(kind)));
  }
  // The mix reaches refusals of every kind, and enough that is accepted.
  for (const code of [200, 201, 400, 401, 403, 404, 409, 422].filter((each) => each !== 401)) {
    t.true((codes.get(code) ?? 0) > 0, `some request is answered ${code}: ${JSON.stringify([...codes])}`);
  }
});

// ---- transactions ----

test("a transaction writes all of its objects at successive revisions, and each operation sees those before it", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 1, time: "virtual" });
  const client = cluster.client();
  await cluster.run(client.kind("configmaps").create(configMap("old")));
  const before = cluster.master.store.revision;
  const done = await cluster.run(
    client.transact([
      { create: { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } } },
      { create: { ...configMap("a"), metadata: { name: "a", namespace: "n" } } },
      { delete: { kind: "configmaps", name: "old" } },
    ]),
  );
  t.is(done.revision, before + 3);
  t.deepEqual(
    done.objects.map(({ kind }) => kind),
    ["Namespace", "ConfigMap", "Status"],
  );
  t.is(cluster.get("configmaps", "a", { namespace: "n" })?.metadata.resourceVersion, String(before + 2));
  t.is(cluster.get("configmaps", "old"), undefined);
});

test("one refused operation refuses its transaction, says which it was, and nothing is written", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 2, time: "virtual" });
  const client = cluster.client();
  await cluster.run(client.kind("configmaps").create(configMap("taken")));
  const before = cluster.digest;
  const stale = { ...configMap("taken"), metadata: { name: "taken", resourceVersion: "1" } };
  const conflict = await refusal(cluster, client.transact([{ create: configMap("a") }, { replace: stale }]));
  t.is(conflict.code, 409);
  t.is(conflict.reason, "Conflict");
  t.is(conflict.details?.causes?.at(-1)?.field, "operations[1]");
  const invalid = await refusal(
    cluster,
    client.transact([{ create: configMap("a") }, { create: configMap("Bad_Name") }, { create: configMap("b") }]),
  );
  t.is(invalid.code, 422);
  t.is(invalid.details?.causes?.at(-1)?.field, "operations[1]");
  // Refused by this door, before the leader sees any of it.
  const unknown = { ...configMap("a"), data: { k: 7 } } as unknown as Manifest;
  const undecodable = await refusal(cluster, client.transact([{ create: configMap("a") }, { create: unknown }]));
  t.is(undecodable.code, 400);
  const forbidden = await refusal(cluster, cluster.client(nobody).transact([{ create: configMap("a") }]));
  t.is(forbidden.code, 403);
  t.is(cluster.digest, before);
});

test("a dry transaction answers what would be, with later operations over earlier ones, and keeps nothing", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 3, time: "virtual" });
  const before = cluster.digest;
  const done = await cluster.run(
    cluster
      .client()
      .transact(
        [
          { create: { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } } },
          { create: { ...configMap("a"), metadata: { name: "a", namespace: "n" } } },
        ],
        { dryRun: true },
      ),
  );
  t.is((done.objects[1] as ConfigMap).metadata.resourceVersion, undefined as never);
  t.is(cluster.digest, before);
});

test("a transaction that a crash interrupts happened whole or not at all", async (t) => {
  for (let seed = 1; seed <= 6; seed += 1) {
    await using cluster = await createCluster({ nodes: 0, seed, time: "virtual" });
    const client = cluster.client();
    const changes = ["a", "b", "c"].map((name) => ({ create: configMap(name) }));
    const outcome = client.transact(changes).then(
      () => "done",
      () => "unknown",
    );
    await cluster.advance(seed - 1);
    await cluster.restartMaster();
    const said = await cluster.run(outcome);
    await cluster.settled();
    const found = ["a", "b", "c"].filter((name) => cluster.get("configmaps", name) !== undefined);
    t.true(found.length === 0 || found.length === 3, `seed ${seed}: ${found.join()}`);
    if (said === "done") t.is(found.length, 3);
  }
});

// ---- history, calls, actors ----

test("the history of an object holds its versions with revision and time, and its deletion", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 4, time: "virtual" });
  const maps = cluster.client().kind("configmaps");
  await cluster.run(maps.create(configMap("a", { k: "1" })));
  await cluster.run(maps.create(configMap("other")));
  await cluster.advance(5_000);
  await cluster.run(maps.patch("a", { type: "merge", body: { data: { k: "2" } } }));
  await cluster.run(maps.delete("a"));
  const versions = await cluster.run(maps.history("a"));
  t.deepEqual(
    versions.map(({ type, object }) => [type, object?.data]),
    [
      ["ADDED", { k: "1" }],
      ["MODIFIED", { k: "2" }],
      ["DELETED", { k: "2" }],
    ],
  );
  t.true(versions[1]!.time - versions[0]!.time >= 5_000);
  t.is(versions[2]!.object?.metadata.resourceVersion, String(versions[2]!.revision));
  const later = await cluster.run(maps.history("a", { afterRevision: versions[0]!.revision }));
  t.is(later.length, 2);
  t.is((await refusal(cluster, cluster.client(nobody).kind("configmaps").history("a"))).code, 403);
});

test("many calls on one stream are answered by their ids, refusals among them", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 5, time: "virtual" });
  const replies = new Map<number, CallReply>();
  const calls = cluster.transport().calls({
    onReply: (reply) => void replies.set(reply.id, reply),
    onClose: () => undefined,
  });
  const ref = { resource: "configmaps", namespace: "default" };
  for (let id = 1; id <= 50; id += 1) {
    // Every tenth name is taken already.
    const object = utf8(JSON.stringify(configMap(id % 10 === 0 ? "m1" : `m${id}`)));
    calls.send({ id, create: { ref, object } });
  }
  calls.send({ id: 51, get: { ref: { ...ref, name: "m1" } } });
  calls.send({ id: 52 });
  await cluster.until(() => replies.size === 52);
  t.is(replies.get(7)?.reply?.code, 201);
  t.is((JSON.parse(textOf(replies.get(20)!.failure!.status)) as Status).reason, "AlreadyExists");
  t.is((JSON.parse(textOf(replies.get(52)!.failure!.status)) as Status).code, 400);
  t.is(
    cluster.list("configmaps", { namespace: "default" }).filter(({ metadata }) => metadata.name.startsWith("m")).length,
    45,
  );
});

test("streams are no calls of one answer, and a name is never guessed", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 6, time: "virtual" });
  const transport = cluster.transport();
  const ref = { resource: "pods", namespace: "default", name: "p" };
  t.is((await refusal(cluster, transport.unary("Get", { ref: { ...ref, subresource: "log" } }))).code, 400);
  t.is((await refusal(cluster, transport.unary("Delete", { ref: { ...ref, name: "" } }))).code, 400);
  t.is((await refusal(cluster, transport.unary("DeleteCollection", { ref }))).code, 400);
  t.is((await refusal(cluster, transport.unary("Get", {}))).code, 400);
  const actors = await cluster.run(cluster.client().actors("/ctl"));
  t.true(actors.some(({ path, status }) => path === "/ctl/deployment" && status === "live"));
});

// ---- watch ----

class Watched {
  readonly seen: string[] = [];
  synced = 0;

  constructor(events: AsyncIterable<WatchEvent<ConfigMap>>) {
    void this.#read(events);
  }

  async #read(events: AsyncIterable<WatchEvent<ConfigMap>>): Promise<void> {
    for await (const event of events) {
      if (event.type === "SYNCED") this.synced += 1;
      else this.seen.push(`${event.type} ${event.object.metadata.name} ${event.object.data?.["k"] ?? ""}`);
    }
  }
}

function write(cluster: Cluster, client: Client, name: string, value: string): Promise<unknown> {
  return cluster.run(client.kind("configmaps").patch(name, { type: "merge", body: { data: { k: value } } }));
}

test("a watch shows the state, then every change once, across a crash of the master", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 7, time: "virtual" });
  const client = cluster.client();
  const maps = client.kind("configmaps");
  const labels = { app: "x" };
  const labelled = (name: string): Manifest => ({ ...configMap(name, { k: "1" }), metadata: { name, labels } });
  await cluster.run(maps.create(labelled("a")));
  const watched = new Watched(maps.watch({ namespace: "default", labels: "app=x" }));
  await cluster.until(() => watched.synced === 1);
  await write(cluster, client, "a", "2");
  await cluster.until(() => watched.seen.length === 2);
  await cluster.restartMaster();
  await write(cluster, client, "a", "3");
  await cluster.run(maps.create(labelled("b")));
  await cluster.run(maps.delete("a"));
  await cluster.until(() => watched.seen.length >= 5);
  t.deepEqual(watched.seen, ["ADDED a 1", "MODIFIED a 2", "MODIFIED a 3", "ADDED b 1", "DELETED a 3"]);
  t.is(watched.synced, 1);
});

test("a watch whose place in the history is gone lists again and shows what changed meanwhile", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 8, time: "virtual" });
  const transport = cluster.transport();
  const client = cluster.client();
  const maps = client.kind("configmaps");
  for (const name of ["a", "b", "c"]) await cluster.run(maps.create({ ...configMap(name, { k: "1" }) }));
  const watching = maps.watch({ namespace: "default", fields: "metadata.name!=kube-root-ca.crt" });
  const watched = new Watched(watching);
  await cluster.until(() => watched.synced === 1);
  cluster.crashMaster();
  await cluster.startMaster();
  const { store } = cluster.master;
  // Nobody has watched yet: the client waits for its next try.
  await cluster.run(transport.unary("Delete", { ref: { resource: "configmaps", namespace: "default", name: "a" } }));
  await cluster.run(
    transport.unary("Patch", {
      ref: { resource: "configmaps", namespace: "default", name: "b" },
      type: patchTypes.merge,
      patch: utf8('{"data":{"k":"2"}}'),
    }),
  );
  store.compactHistory("configmaps", store.revision);
  await cluster.until(() => watched.seen.length >= 5);
  t.deepEqual(watched.seen.slice(0, 3), ["ADDED a 1", "ADDED b 1", "ADDED c 1"]);
  t.deepEqual(watched.seen.slice(3).toSorted(), ["DELETED a 1", "MODIFIED b 2"]);
});

interface Line {
  readonly type: string;
  readonly object: unknown;
}

/** Events of a native watch as they come; how it ended. */
class Stream {
  readonly lines: Line[] = [];
  ended: unknown;

  constructor(batches: AsyncIterable<WatchBatch>) {
    void this.#read(batches);
  }

  async #read(batches: AsyncIterable<WatchBatch>): Promise<void> {
    const names = Object.entries(eventTypes);
    try {
      for await (const { events } of batches) {
        for (const { type, object } of events) {
          const name = names.find(([, number]) => number === type)?.[0] ?? "?";
          this.lines.push({ type: name, object: JSON.parse(textOf(object)) as unknown });
        }
      }
      this.ended = "cleanly";
    } catch (error) {
      this.ended = error;
    }
  }
}

test("a watch shows the same events over both doors, byte for byte, initial ones and bookmarks included", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 9, time: "virtual" });
  const client = cluster.client();
  const maps = client.kind("configmaps");
  await cluster.run(maps.create({ ...configMap("a"), metadata: { name: "a", labels: { app: "x" } } }));
  const ref = { resource: "configmaps", namespace: "default" };
  const path = "/api/v1/namespaces/default/configmaps";
  const pairs = [
    {
      rest: "watch=1&labelSelector=app%3Dx&allowWatchBookmarks=true",
      native: { labelSelector: "app=x", bookmarks: true },
    },
    {
      rest: "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
      native: { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", bookmarks: true },
    },
    { rest: "watch=1&resourceVersion=1&timeoutSeconds=600", native: { resourceVersion: "1", timeoutSeconds: 600 } },
  ].map(({ rest, native }) => ({
    rest: cluster.open("GET", `${path}?${rest}`),
    native: new Stream(cluster.transport().stream("Watch", { ref, ...native })),
  }));
  await cluster.advance(100);
  await cluster.run(maps.create({ ...configMap("b"), metadata: { name: "b", labels: { app: "x" } } }));
  await cluster.run(maps.patch("a", { type: "merge", body: { metadata: { labels: { app: "y" } } } }));
  await cluster.run(maps.delete("b"));
  await cluster.advance(130_000);
  for (const [at, { rest, native }] of pairs.entries()) {
    t.true(native.lines.length >= 4, `watch ${at}`);
    t.deepEqual(native.lines, rest.events as unknown as Line[], `watch ${at}`);
  }
  await cluster.advance(600_000);
  t.is(pairs[2]!.native.ended, "cleanly");
});

test("what ends a REST watch with an ERROR event fails the native one with the same Status", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 10, time: "virtual" });
  const { store } = cluster.master;
  store.compactHistory("configmaps", store.revision);
  const rest = cluster.open("GET", "/api/v1/configmaps?watch=1&resourceVersion=1");
  const native = new Stream(
    cluster.transport().stream("Watch", { ref: { resource: "configmaps" }, resourceVersion: "1" }),
  );
  await cluster.until(() => native.ended !== undefined && rest.events.length === 1);
  t.true(native.ended instanceof StatusError);
  t.deepEqual((native.ended as StatusError).status as unknown, rest.events[0]?.object as unknown);
  const odd = await refusal(cluster, cluster.run(cluster.client().kind("pods").list({ labels: "a in (" })));
  t.deepEqual(odd as unknown, (await cluster.request("GET", "/api/v1/pods?labelSelector=a%20in%20(")).json<unknown>());
});

test("a log reads the same over both doors, and so does the refusal of one", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 11, time: "virtual" });
  await cluster.apply(pod("web"));
  await cluster.until(() => cluster.get("pods", "web")?.status?.phase === "Running");
  const client = cluster.client();
  const read = async (name: string): Promise<string> => {
    let text = "";
    for await (const bytes of client.logs(name, { tailLines: 5 })) text += textOf(bytes);
    return text;
  };
  const rest = await cluster.request("GET", "/api/v1/namespaces/default/pods/web/log?tailLines=5");
  t.true(rest.text.length > 0);
  t.is(await cluster.run(read("web")), rest.text);
  const missing = await cluster.request("GET", "/api/v1/namespaces/default/pods/none/log");
  t.deepEqual((await refusal(cluster, cluster.run(read("none")))) as unknown, missing.json<unknown>());
});
