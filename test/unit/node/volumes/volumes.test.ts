import { mkdtemp, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import test from "ava";
import { realFiles } from "../../../../src/env/real/files.ts";
import type { ConfigMap, Pod } from "../../../../src/kinds/generated/types.ts";
import { podDns, podHostname } from "../../../../src/node/pods/dns.ts";
import { containerEnvironment, ConfigError, expand } from "../../../../src/node/pods/environment.ts";
import { MountError } from "../../../../src/node/pods/ports.ts";
import { podCgroup, podQos, oomScoreAdj } from "../../../../src/node/pods/resources.ts";
import { credentialsFor } from "../../../../src/node/pods/images.ts";
import { writeAtomically } from "../../../../src/node/volumes/atomic-writer.ts";
import { terminationText } from "../../../../src/node/volumes/termination-log.ts";
import { createVolumes } from "../../../../src/node/volumes/volumes.ts";
import { podOf } from "../pods/world.ts";

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "node-pods-"));
  t.teardown(async () => rm(path, { recursive: true, force: true }));
  return path;
}

const files = realFiles();
const payload = (entries: Readonly<Record<string, string>>) =>
  new Map(
    Object.entries(entries).map(([path, text]) => [path, { bytes: new TextEncoder().encode(text), mode: 0o640 }]),
  );

test("a reader of a volume sees all of one version, and what is gone is gone", async (t) => {
  const path = await folder(t);
  const write = async (suffix: string, entries: Readonly<Record<string, string>>): Promise<boolean> =>
    writeAtomically(files, path, payload(entries), { now: 1_767_225_600_000, suffix });
  t.true(await write("1", { a: "1", "dir/b": "1" }));
  t.is(await readlink(join(path, "a")), "..data/a");
  t.is(await readlink(join(path, "..data")), "..2026_01_01_00_00_00.1");
  t.is((await stat(join(path, "a"))).mode & 0o777, 0o640);
  const before = await stat(join(path, "dir"));
  t.true(before.isDirectory());
  t.false(await write("2", { a: "1", "dir/b": "1" }));
  t.true(await write("3", { a: "2", c: "2" }));
  t.is(await readFile(join(path, "a"), "utf8"), "2");
  t.is(await readFile(join(path, "c"), "utf8"), "2");
  t.deepEqual((await files.list(path)).toSorted(), ["..2026_01_01_00_00_00.3", "..data", "a", "c"]);
});

interface Setting {
  readonly root: string;
  readonly maps: Map<string, ConfigMap>;
  readonly volumes: ReturnType<typeof createVolumes>;
  /** Memory file systems so far. */
  readonly mounted: readonly string[];
}

async function setting(t: ExecutionContext): Promise<Setting> {
  const root = await folder(t);
  const maps = new Map<string, ConfigMap>();
  const mounted: string[] = [];
  let draws = 0;
  const volumes = createVolumes({
    clock: { wall: () => 1_767_225_600_000, mono: () => 0, after: () => ({ cancel: () => {} }) },
    rng: { u32: () => (draws += 1), below: () => 0, bytes: (n) => new Uint8Array(n), uuid: () => "" },
    files,
    root,
    mounter: {
      tmpfs: async (path) => {
        mounted.push(path);
        await files.makeFolder(path);
      },
      unmountBelow: async () => {},
    },
    desired: {
      synced: true,
      revision: 1,
      get: (kind: string, _: string, name: string) => (kind === "configmaps" ? maps.get(name) : undefined) as never,
      list: () => [],
      onChange: () => {},
    },
    tokens: { token: async () => ({ token: "jwt", renewAt: 42 }), forget: () => {} },
    node: () => ({
      name: "n1",
      hostIps: ["192.0.2.1"],
      allocatable: {},
      memoryBytes: 1,
      cpus: 1,
      cgroupRoot: "",
      logRoot: `${root}/logs`,
      seccompRoot: "",
      apparmor: false,
      clusterDns: "",
      clusterDomain: "cluster.local",
      hostDns: { servers: [], searches: [], options: [] },
    }),
  });
  return { root, maps, volumes, mounted };
}

function configMap(data: Readonly<Record<string, string>>): ConfigMap {
  const metadata = { name: "conf", uid: "u", resourceVersion: "1", creationTimestamp: "" };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
}

const mountFacts = { attempt: 0, podIps: ["10.1.1.1"], environment: new Map([["NAME", "x"]]) };

test("tokens of all pods share one memory file system, and what nobody knows any more is swept", async (t) => {
  const { root, volumes, mounted } = await setting(t);
  const sources = [{ serviceAccountToken: { path: "token" } }];
  const spec = { volumes: [{ name: "api", projected: { sources } }] };
  const container = { name: "app", volumeMounts: [{ name: "api", mountPath: "/token" }] };
  const paths: string[] = [];
  for (const name of ["known", "left"]) {
    await volumes.setUp(podOf(name, spec));
    const mounts = await volumes.mounts(podOf(name, spec), container, mountFacts);
    paths.push(mounts[0]!.hostPath);
    t.is(await readFile(join(mounts[0]!.hostPath, "token"), "utf8"), "jwt");
  }
  t.deepEqual(mounted, [`${root}/memory`]);
  t.is((await stat(`${root}/memory`)).mode & 0o777, 0o700);
  t.true(paths.every((path) => path.startsWith(`${root}/memory/`)));
  await volumes.sweep((uid) => uid === "uid-known");
  t.deepEqual(await files.list(`${root}/pods`), ["uid-known"]);
  t.deepEqual(await files.list(`${root}/memory`), ["uid-known"]);
  await volumes.tearDown(podOf("known", spec));
  t.deepEqual([...(await files.list(`${root}/pods`)), ...(await files.list(`${root}/memory`))], []);
});

test("a ConfigMap volume is written, follows changes, and its absence says which one is missing", async (t) => {
  const { maps, volumes } = await setting(t);
  const pod = podOf("web", { volumes: [{ name: "v", configMap: { name: "conf" } }] });
  const error = await t.throwsAsync(volumes.setUp(pod), { instanceOf: MountError });
  t.is(error.message, 'configmap "conf" not found');
  maps.set("conf", configMap({ key: "one" }));
  await volumes.setUp(pod);
  const container = { name: "app", volumeMounts: [{ name: "v", mountPath: "/etc/conf", readOnly: true }] };
  const [mount] = await volumes.mounts(pod, container, mountFacts);
  t.is(mount!.readonly, true);
  t.is(await readFile(join(mount!.hostPath, "key"), "utf8"), "one");
  maps.set("conf", configMap({ key: "two" }));
  await volumes.refresh(pod, []);
  t.is(await readFile(join(mount!.hostPath, "key"), "utf8"), "two");
  await volumes.tearDown(pod);
  await t.throwsAsync(stat(mount!.hostPath));
});

test("a projected volume holds token, ConfigMap items and fields, and says when the token is renewed", async (t) => {
  const { maps, volumes } = await setting(t);
  maps.set("conf", configMap({ "ca.crt": "PEM", other: "x" }));
  const sources = [
    { serviceAccountToken: { path: "token", expirationSeconds: 3_607 } },
    { configMap: { name: "conf", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
  ];
  const pod = podOf("web", { volumes: [{ name: "v", projected: { sources } }] });
  await volumes.setUp(pod);
  t.is(await volumes.refresh(pod, []), 42);
  const container = { name: "app", volumeMounts: [{ name: "v", mountPath: "/v" }] };
  const [mount] = await volumes.mounts(pod, container, mountFacts);
  const read = async (name: string): Promise<string> => readFile(join(mount!.hostPath, name), "utf8");
  t.deepEqual([await read("token"), await read("ca.crt"), await read("namespace")], ["jwt", "PEM", "default"]);
  t.false((await files.list(mount!.hostPath)).includes("other"));
});

test("hostPath checks its type, subPath may not leave its volume", async (t) => {
  const { root, volumes } = await setting(t);
  await writeFile(join(root, "file"), "");
  const typed = (type: string): Pod =>
    podOf("web", { volumes: [{ name: "v", hostPath: { path: join(root, "file"), type } }] });
  await volumes.setUp(typed("File"));
  const error = await t.throwsAsync(volumes.setUp(typed("Directory")));
  t.is(error.message, `hostPath type check failed: ${join(root, "file")} is not a directory`);

  const pod = podOf("sub", { volumes: [{ name: "v", emptyDir: {} }] });
  await volumes.setUp(pod);
  const mounts = async (mount: object) =>
    volumes.mounts(pod, { name: "app", volumeMounts: [{ name: "v", mountPath: "/v", ...mount }] }, mountFacts);
  const [mount] = await mounts({ subPathExpr: "logs/$(NAME)" });
  t.true(mount!.hostPath.endsWith("/v/logs/x"));
  await t.throwsAsync(mounts({ subPath: "../../x" }), { instanceOf: ConfigError });
  await t.throwsAsync(mounts({ subPathExpr: "$(NOBODY)" }), { instanceOf: ConfigError });
  await files.link("/etc", join(mount!.hostPath, "..", "out"));
  await t.throwsAsync(mounts({ subPath: "logs/out" }), { message: /leads out of the volume/ });
});

test("every container gets a hosts file and a termination log", async (t) => {
  const { volumes } = await setting(t);
  const pod = podOf("web", { hostAliases: [{ ip: "192.0.2.9", hostnames: ["db", "cache"] }], subdomain: "s" });
  await volumes.setUp(pod);
  const mounts = await volumes.mounts(pod, { name: "app" }, mountFacts);
  const at = (path: string): string => mounts.find(({ containerPath }) => containerPath === path)!.hostPath;
  const hosts = await readFile(at("/etc/hosts"), "utf8");
  t.true(hosts.startsWith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
  t.true(hosts.includes("\n10.1.1.1\tweb.s.default.svc.cluster.local\tweb\n"));
  t.true(hosts.endsWith("# Entries added by HostAliases.\n192.0.2.9\tdb\tcache\n"));
  await writeFile(at("/dev/termination-log"), "bye");
  const ended = { name: "app", attempt: 0, exitCode: 1 } as Parameters<typeof volumes.terminationMessage>[2];
  t.is(await volumes.terminationMessage(pod, { name: "app" }, ended), "bye");
});

test("the end of the log is the message where that was asked for", (t) => {
  const log = "2026-01-01T00:00:00Z stdout F one\n2026-01-01T00:00:01Z stderr P tw\n2026-01-01T00:00:01Z stderr F o\n";
  t.is(terminationText(new Uint8Array(), log), "one\ntwo\n");
  t.is(terminationText(new TextEncoder().encode("own"), log), "own");
});

test("variables: services, then envFrom, then env; references see what stands before", (t) => {
  const metadata = (name: string) => ({
    name,
    namespace: "default",
    uid: "",
    resourceVersion: "1",
    creationTimestamp: "",
  });
  const environment = containerEnvironment({
    pod: podOf("web"),
    container: {
      name: "app",
      envFrom: [{ prefix: "P_", configMapRef: { name: "conf" } }],
      env: [
        { name: "A", value: "$(P_key)-$(LATER)-$$(P_key)" },
        { name: "LATER", value: "x" },
        { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        { name: "URL", value: "$(WEB_DB_PORT)" },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "NONE", valueFrom: { configMapKeyRef: { name: "absent", key: "k", optional: true } } },
      ],
      resources: { limits: { cpu: "1500m" } },
    },
    podIps: ["10.1.1.1"],
    hostIps: ["192.0.2.1"],
    nodeName: "n1",
    allocatable: {},
    services: [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: metadata("web-db"),
        spec: { clusterIP: "10.96.0.7", ports: [{ name: "sql", port: 5432 }] },
      },
      { apiVersion: "v1", kind: "Service", metadata: metadata("headless"), spec: { clusterIP: "None" } },
    ],
    configMap: (name) => (name === "conf" ? configMap({ key: "v" }) : undefined),
    secret: () => undefined,
  });
  t.is(environment.get("A"), "v-$(LATER)-$(P_key)");
  t.is(environment.get("NODE"), "n1");
  t.is(environment.get("CPU"), "2");
  t.is(environment.get("URL"), "tcp://10.96.0.7:5432");
  t.is(environment.get("WEB_DB_SERVICE_PORT_SQL"), "5432");
  t.is(environment.get("WEB_DB_PORT_5432_TCP_ADDR"), "10.96.0.7");
  t.false([...environment.keys()].some((key) => key.startsWith("HEADLESS")));
  t.false(environment.has("NONE"));
  t.is(
    expand("$$$(A)$(", () => "x"),
    "$x$(",
  );
});

test("cgroups and scores follow the quality of service", (t) => {
  const pod = (resources: object, more: object = {}): Pod =>
    podOf("web", { containers: [{ name: "app", image: "app:1", resources }], ...more });
  const guaranteed = pod({ limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "500m", memory: "64Mi" } });
  const burstable = pod({ requests: { cpu: "100m", memory: "1Gi" } });
  t.deepEqual([podQos(guaranteed), podQos(burstable), podQos(pod({}))], ["Guaranteed", "Burstable", "BestEffort"]);
  t.deepEqual(podCgroup(guaranteed, "/r"), {
    path: "/r/poduid-web",
    cpuShares: 512,
    cpuPeriodUs: 100_000,
    cpuQuotaUs: 50_000,
    memoryLimitBytes: 67_108_864,
  });
  t.deepEqual(podCgroup(burstable, "/r"), {
    path: "/r/burstable/poduid-web",
    cpuShares: 102,
    cpuPeriodUs: 100_000,
  });
  t.is(podCgroup(pod({}), "/r").cpuShares, 2);
  const score = (subject: Pod): number => oomScoreAdj(subject, subject.spec.containers[0]!, 4 * 1_024 ** 3);
  t.deepEqual([score(guaranteed), score(burstable), score(pod({}))], [-997, 750, 1_000]);
});

test("a pod's resolv.conf follows its policy", (t) => {
  const facts = {
    clusterDns: "10.96.0.10",
    clusterDomain: "cluster.local",
    host: { servers: ["192.0.2.53"], searches: ["lan"], options: [] },
  };
  t.deepEqual(podDns(podOf("web"), facts).config, {
    servers: ["10.96.0.10"],
    searches: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan"],
    options: ["ndots:5"],
  });
  t.deepEqual(podDns(podOf("web", { hostNetwork: true }), facts).config.servers, ["192.0.2.53"]);
  const own = { nameservers: ["1.1.1.1"], options: [{ name: "ndots", value: "2" }] };
  t.deepEqual(podDns(podOf("web", { dnsPolicy: "None", dnsConfig: own }), facts).config, {
    servers: ["1.1.1.1"],
    searches: [],
    options: ["ndots:2"],
  });
  t.deepEqual(podDns(podOf("web", { dnsConfig: own }), facts).config.options, ["ndots:2"]);
  t.truthy(podDns(podOf("web"), { ...facts, clusterDns: "" }).missing);
  t.is(podHostname(podOf(`${"a".repeat(62)}-b`), "d").hostname, "a".repeat(62));
});

test("pull secrets serve the registry that they name, the most specific first", (t) => {
  const secret = (auths: object) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", uid: "", resourceVersion: "1", creationTimestamp: "" },
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  });
  const secrets = [
    secret({ "*.example.com": { username: "wide", password: "p" }, "r.example.com/team": { auth: "dTpw" } }),
    secret({ "https://index.docker.io/v1/": { username: "hub", password: "p" } }),
    undefined,
  ];
  t.deepEqual(
    credentialsFor("r.example.com/team/app:1", secrets).map(({ username }) => username),
    ["u", "wide"],
  );
  t.deepEqual(
    credentialsFor("busybox", secrets).map(({ username }) => username),
    ["hub"],
  );
  t.deepEqual(credentialsFor("other.org/app", secrets), []);
});
