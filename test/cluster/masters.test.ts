import test from "ava";
import { createCluster } from "../../src/testing/cluster.ts";
import { configMap } from "./masters-kit.ts";

test("three masters elect a leader, and each takes writes and answers with what was written through another", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 1, seed: 5, time: "virtual" });
  t.is(cluster.members.filter(({ isLeader }) => isLeader).length, 1);
  const path = "/api/v1/namespaces/default/configmaps";
  for (const { name } of cluster.members) {
    const answer = await cluster.request("POST", path, configMap(`by-${name}`), { via: name });
    t.is(answer.code, 201, answer.text);
    for (const other of cluster.members) {
      const read = await cluster.request("GET", `${path}/by-${name}`, undefined, { via: other.name });
      t.is(read.code, 200, `${other.name} knows what ${name} was told`);
    }
  }
  await cluster.settled();
  const digests = cluster.members.map(({ master }) => JSON.stringify([master.store.revision, master.store.digest]));
  t.is(new Set(digests).size, 1);
});
