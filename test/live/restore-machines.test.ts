// A snapshot of three masters, restored on machines that never saw them: the cluster goes on there, and grows.
import { cpSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { canDrive, until } from "./support/machine.ts";
import {
  configOf,
  dataOf,
  isNodeReady,
  joinMasters,
  newToken,
  startAgent,
  startFirst,
  startServer,
  useMachines,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;

const { at } = useMachines(test, 6);

live("what a follower saved goes on on three new machines; revisions leap, machines join it", async (t) => {
  const old = [await startFirst(at(0), "moved"), ...(await joinMasters(at(0), [at(1), at(2)]))];
  await at(2).kubectl(configOf(at(2)), "create", "secret", "generic", "kept", "--from-literal=a=b");
  const file = join(at(1).folder, "moved.snapshot");
  const saved = await at(1).troupe("snapshot", "save", file, "--data-dir", dataOf(at(1)));
  t.is(saved.code, 0, saved.stderr);
  const keys = join(at(3).folder, "keys");
  cpSync(join(dataOf(at(1)), "pki"), keys, { recursive: true });
  for (const server of old) await server.end("SIGKILL");

  const restored = await at(3).troupe("snapshot", "restore", file, "--data-dir", dataOf(at(3)), "--keys", keys);
  t.is(restored.code, 0, restored.stderr);
  startServer(at(3), "--advertise-address", at(3).address);
  await until("it has what was there", async () => {
    const found = await at(3).kubectl(configOf(at(3)), "get", "secret", "kept", "-o", "json");
    const { metadata, data } = JSON.parse(found) as { metadata: { resourceVersion: string }; data: { a: string } };
    return data.a === "Yg==" && Number(metadata.resourceVersion) > 0;
  });
  await at(3).kubectl(configOf(at(3)), "create", "configmap", "new");
  const made = await at(3).kubectl(
    configOf(at(3)),
    "get",
    "configmap",
    "new",
    "-o",
    "jsonpath={.metadata.resourceVersion}",
  );
  t.true(Number(made) > 1_000_000_000, made);

  await joinMasters(at(3), [at(4), at(5)]);
  t.is(await at(5).kubectl(configOf(at(5)), "get", "secret", "kept", "-o", "jsonpath={.data.a}"), "Yg==");
  const node = await newToken(at(3));
  startAgent(at(0), "--join", `${at(4).address}:6443`, "--token", node, "--node", "w1");
  await until("a node is Ready", () => isNodeReady(at(5), "w1"));
});
