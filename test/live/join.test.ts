// Masters and nodes on machines of their own: tokens, joins and what they refuse, restarts without a token.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { canDrive, until } from "./support/machine.ts";
import {
  configOf,
  dataOf,
  isNodeReady,
  membership,
  newToken,
  startAgent,
  startFirst,
  startServer,
  untilVoting,
  useMachines,
  type Box,
  type Running,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
const servers = new Map<string, Running>();
let masterToken = "";
let nodeToken = "";

const { at } = useMachines(test, 4);

/** What the cluster says of its tokens, by its own clock. */
async function tokens(from: Box): Promise<readonly { role: string; description: string; expired: boolean }[]> {
  const listed = await from.troupe("token", "list", "--data-dir", dataOf(from), "-o", "json");
  return (JSON.parse(listed.stdout) as { tokens: { role: string; description: string; expired: boolean }[] }).tokens;
}

live("the first master begins a cluster in an empty folder, and makes tokens for the others", async (t) => {
  servers.set("m1", await startFirst(at(0), "ha"));
  masterToken = await newToken(at(0), "--role", "master", "--ttl", "1h", "--description", "for the others");
  nodeToken = await newToken(at(0));
  t.regex(masterToken, /^TRP1[0-9a-f]{64}::[a-z0-9]{6}\.[a-z0-9]{16}$/);
  const listed = await tokens(at(0));
  t.deepEqual(listed.map(({ role, description }) => `${role} ${description}`).toSorted(), [
    "master for the others",
    "node ",
  ]);
  t.false(JSON.stringify(listed).includes(masterToken.split(".")[1]!), "the secret is shown once");
  const stored = await at(0).kubectl(configOf(at(0)), "get", "secrets", "-n", "kube-system", "-o", "yaml");
  t.false(stored.includes(Buffer.from(masterToken.split(".")[1]!).toString("base64")), "only its hash is stored");
});

live(
  "a join is refused, with the reason: no token, a wrong pin, an unknown one, the wrong role, other flags",
  async (t) => {
    const address = `${at(0).address}:6443`;
    const data = join(at(1).folder, "refused");
    const tried = async (...args: readonly string[]): Promise<string> => {
      const ran = await at(1).troupe("server", "--data-dir", data, "--join", address, ...args);
      t.not(ran.code, 0);
      return ran.stderr;
    };
    t.regex(await tried(), /TRP-0401/);
    t.regex(await tried("--token", "abcdef.0123456789abcdef"), /TRP-0401/);
    t.regex(await tried("--token", masterToken.replace(/^TRP1../, "TRP1zz").replace("zz", "00")), /TRP-0402/);
    t.regex(await tried("--token", `${masterToken.slice(0, -16)}0123456789abcdef`), /is not known here[^]*TRP-0403/);
    t.regex(await tried("--token", nodeToken), /is for a node, not for a master[^]*TRP-0403/);
    const over = await newToken(at(0), "--role", "master", "--ttl", "1s");
    await until("it is over", async () => (await tokens(at(0))).some(({ expired }) => expired));
    t.regex(await tried("--token", over), /ended at/);
    t.regex(
      await tried("--token", masterToken, "--service-cidr", "10.96.0.0/16"),
      /--service-cidr is 10\.43\.0\.0\/16 in the cluster, 10\.96\.0\.0\/16 was asked for[^]*TRP-0404/,
    );
    t.regex(
      await tried("--token", masterToken, "--advertise-address", "198.51.100.77"),
      /198\.51\.100\.77:6445 cannot be reached[^]*TRP-0405/,
    );
    t.is((await membership(at(0))).members.length, 1);
  },
);

live("two more masters join, learn, and vote; kubectl works with each one's address", async (t) => {
  for (const index of [1, 2]) {
    const joining = ["--join", `${at(0).address}:6443`, "--token", masterToken];
    servers.set(`m${index + 1}`, startServer(at(index), ...joining));
  }
  await untilVoting(at(0), [at(1), at(2)]);
  t.is((await membership(at(0))).members.length, 3);
  for (const index of [0, 1, 2]) {
    await at(3).kubectl(configOf(at(index)), "create", "configmap", `by-${index}`);
    t.regex(await at(3).kubectl(configOf(at(index)), "get", "configmaps", "-o", "name"), new RegExp(`by-${index}`));
  }
  await until("pods find all of them", async () => {
    const found = await at(0).kubectl(configOf(at(0)), "get", "endpoints", "kubernetes", "-o", "yaml");
    return [at(0), at(1), at(2)].every(({ address }) => found.includes(address));
  });
  t.false(readFileSync(join(dataOf(at(1)), "cluster.json"), "utf8").includes(masterToken.slice(-16)));
});

live("a node joins any master, and has no key of the cluster but its own", async (t) => {
  startAgent(at(3), "--join", `${at(2).address}:6443`, "--token", nodeToken, "--node", "w1");
  await until("it is Ready", () => isNodeReady(at(1), "w1"));
  const keys = await at(3).run("grep", ["-rl", "PRIVATE KEY", join(at(3).folder, "a", "pki")]);
  t.regex(keys.stdout.trim(), /^\S+node-w1\.pem$/);
  const joining = ["--join", `${at(0).address}:6443`, "--token", nodeToken, "--node", "w1", "--runtime", "simulated"];
  const twin = await at(3).troupe("agent", "--data-dir", join(at(3).folder, "twin"), ...joining);
  t.regex(twin.stderr, /there is a node "w1", and it is Ready[^]*TRP-0407/);
});

live("the first master's death loses nothing; it comes back without a token", async (t) => {
  await servers.get("m1")!.end("SIGKILL");
  await at(3).kubectl(configOf(at(1)), "create", "configmap", "after");
  await at(1).kubectl(configOf(at(1)), "create", "deployment", "web", "--image=web:1", "--replicas=2");
  await at(1).kubectl(configOf(at(1)), "rollout", "status", "deployment/web", "--timeout=60s");
  servers.set("m1", startServer(at(0)));
  await until("it has all", async () =>
    /after/.test(await at(0).kubectl(configOf(at(0)), "get", "configmap", "after", "-o", "name")),
  );
  t.is((await membership(at(0))).members.length, 3);
});

live("a revoked token is taken no more", async (t) => {
  const id = /::([a-z0-9]{6})/.exec(masterToken)![1]!;
  const revoked = await at(1).troupe("token", "revoke", id, "--data-dir", dataOf(at(1)));
  t.is(revoked.stdout, `token ${id} revoked\n`, revoked.stderr);
  const data = join(at(3).folder, "late");
  const ran = await at(3).troupe(
    "server",
    "--data-dir",
    data,
    "--join",
    `${at(0).address}:6443`,
    "--token",
    masterToken,
  );
  t.regex(ran.stderr, /TRP-0403/);
  rmSync(data, { recursive: true, force: true });
});
