// A cluster that `up` has made on one machine becomes one of several: with its objects, its node, its keys.
import test from "ava";
import { canDrive, troupe, until } from "./support/machine.ts";
import {
  configOf,
  dataOf,
  isNodeReady,
  joinMasters,
  startServer,
  untilReady,
  useMachines,
  type Running,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
const { at } = useMachines(test, 2);
let server: Running;

live("up, down, server with an address: the cluster goes on, and another master joins it", async (t) => {
  const [first, second] = [at(0), at(1)];
  const up = await first.troupe("up", "--name", "small", "--runtime", "simulated", "--data-dir", dataOf(first));
  t.is(up.code, 0, up.stderr);
  const context = `${first.folder}/.kube/config`;
  await first.kubectl(context, "create", "secret", "generic", "kept", "--from-literal=a=b");
  t.is((await first.troupe("down", "--name", "small")).code, 0);

  startServer(first, "--advertise-address", first.address);
  await untilReady(first);
  const refused = await first.troupe("up", "--name", "small");
  t.regex(refused.stderr, /belongs to the cluster "small" on several machines[^]*TRP-0115/);
  first.start("agent", [troupe, "agent", "--data-dir", dataOf(first), "--node", "n1"]);
  [server] = (await joinMasters(first, [second])) as [Running];
  t.is(await second.kubectl(configOf(second), "get", "secret", "kept", "-o", "jsonpath={.data.a}"), "Yg==");
  await until("its node is Ready", () => isNodeReady(second, "n1"));
});

live("a master whose machine has another address now says so, and the others reach it there", async (t) => {
  const [first, second] = [at(0), at(1)];
  await server.end("SIGTERM");
  for (const line of [`addr del ${second.address}/24 dev eth0`, "addr add 198.51.100.42/24 dev eth0"]) {
    await second.run("ip", line.split(" "));
  }
  await second.run("ip", ["route", "replace", "default", "via", "198.51.100.254"]);
  startServer(second, "--advertise-address", "198.51.100.42");
  await until("the members know", async () => {
    const { stdout } = await first.troupe("member", "list", "--data-dir", dataOf(first));
    return /(voter|leader) +198\.51\.100\.42:6443/.test(stdout);
  });
  await second.kubectl(configOf(second), "create", "configmap", "moved");
  t.regex(await first.kubectl(configOf(first), "get", "configmaps", "-o", "name"), /moved/);
});
