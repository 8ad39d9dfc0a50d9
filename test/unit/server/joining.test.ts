// What joining machines are told and refused, as far as it needs no cluster.
import test from "ava";
import { votersOnly } from "../../../src/raft/core/config.ts";
import { apiOfPeer } from "../../../src/server/joining/answers.ts";
import { differences } from "../../../src/server/joining/joining.ts";
import { lowestFree } from "../../../src/server/joining/members.ts";
import { splitHostPort } from "../../../src/cli/machines/asking.ts";

test("a new member gets the lowest id that nobody has or had", (t) => {
  t.is(lowestFree(votersOnly([1])), 2);
  t.is(lowestFree({ ...votersOnly([1, 3]), removed: [2] }), 4);
  t.is(lowestFree({ ...votersOnly([4_000_000_000]), learners: [1] }), 2);
});

test("who knows a master's peer port knows its API's", (t) => {
  t.is(apiOfPeer("10.0.0.1:6445"), "10.0.0.1:6443");
  t.is(apiOfPeer("[fd00::1]:7002"), "[fd00::1]:7000");
});

test("flags that differ are told one by one; what was not given does not count", (t) => {
  const facts = {
    name: "ha",
    podCidr: "10.42.0.0/16",
    serviceCidr: "10.43.0.0/16",
    dnsAddress: "10.43.0.10",
    clusterDomain: "cluster.local",
  };
  t.deepEqual(differences({}, facts), []);
  t.deepEqual(differences({ name: "ha", clusterDomain: "cluster.local" }, facts), []);
  t.deepEqual(differences({ name: "hb", podCidr: "10.44.0.0/16" }, facts), [
    "--name is ha in the cluster, hb was asked for",
    "--cluster-cidr is 10.42.0.0/16 in the cluster, 10.44.0.0/16 was asked for",
  ]);
});

test("a master's address is a host and a port, with the usual one if none is given", (t) => {
  t.deepEqual(splitHostPort("10.0.0.1:7000"), { host: "10.0.0.1", port: 7_000 });
  t.deepEqual(splitHostPort("https://api.example.org"), { host: "api.example.org", port: 6_443 });
  t.deepEqual(splitHostPort("[fd00::1]:6443"), { host: "fd00::1", port: 6_443 });
  for (const wrong of ["", ":6443", "a:0", "a:70000", "a b:c"])
    t.throws(() => splitHostPort(wrong), { message: /no address/ });
});
