// New authorities and a new sealing key for three masters and a node, under write load.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
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
  startMemberLoad,
  useMachines,
  type Box,
  type Running,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
let agent: Running;

const { at, folder } = useMachines(test, 4);
const pem = (box: Box, name: string): X509Certificate =>
  new X509Certificate(readFileSync(join(dataOf(box), "pki", `${name}.pem`)));

const isReady = (): Promise<boolean> => isNodeReady(at(1), "w1");

test.serial.before(async () => {
  if (!canDrive) return;
  await startFirst(at(0), "rot");
  const node = await newToken(at(0));
  agent = startAgent(at(3), "--join", `${at(0).address}:6443`, "--token", node, "--node", "w1");
  await joinMasters(at(0), [at(1), at(2)]);
  await until("the node is Ready", isReady);
});

live("authorities are replaced while clients write: no write is lost, and none is refused twice", async (t) => {
  const before = pem(at(0), "serving-ca").fingerprint256;
  const load = await startMemberLoad(at(0), folder());
  const rotating = at(1).troupe("cert", "rotate-ca", "--settle", "6s", "--data-dir", dataOf(at(1)));
  // An agent looks twice a minute by itself; this is a look at once.
  const looking = setInterval(() => agent.child.kill("SIGHUP"), 1_000);
  const rotated = await rotating;
  t.is(rotated.code, 0, rotated.stderr);
  for (const box of [at(0), at(1), at(2)]) {
    await until("its certificate is of the new authority", async () => {
      const authority = pem(box, "serving-ca");
      return authority.fingerprint256 !== before && pem(box, "serving").verify(authority.publicKey);
    });
  }
  await until("the node has a certificate of the new authority", () => {
    const own = new X509Certificate(readFileSync(join(at(3).folder, "a", "pki", "node-w1.pem")));
    return Promise.resolve(own.verify(pem(at(0), "node-ca").publicKey));
  });
  clearInterval(looking);
  const finished = await at(2).troupe("cert", "rotate-ca", "--finish", "--data-dir", dataOf(at(2)));
  t.is(finished.code, 0, finished.stderr);
  const report = await load.stop();
  t.log(report);
  t.deepEqual(report.problems, []);
  t.deepEqual(report.twiceRefused, []);
  t.true(report.acknowledged > 50, `${report.acknowledged} writes`);
  const roots = await at(0).kubectl(configOf(at(0)), "get", "configmap", "kube-root-ca.crt", "-o", "yaml");
  t.is(roots.match(/BEGIN CERTIFICATE/g)?.length, 1, "pods believe the new one alone");
});

live("a new sealing key reaches every master before the leader seals with it", async (t) => {
  await at(0).kubectl(configOf(at(0)), "create", "secret", "generic", "old", "--from-literal=a=b");
  const ran = await at(0).troupe("secrets", "rotate-key", "--data-dir", dataOf(at(0)));
  t.is(ran.code, 0, ran.stderr);
  await at(1).troupe("member", "transfer", "--data-dir", dataOf(at(1)));
  for (const box of [at(0), at(1), at(2)]) {
    const found = await box.kubectl(configOf(box), "get", "secret", "old", "-o", "jsonpath={.data.a}");
    t.is(found, "Yg==");
  }
  await until("the node is still Ready", isReady);
});

live("a token that is made afterwards pins the new authority", async (t) => {
  const token = await newToken(at(0), "--role", "node");
  const other = startAgent(at(2), "--join", `${at(1).address}:6443`, "--token", token, "--node", "w2");
  await until("it is Ready", () => isNodeReady(at(1), "w2"));
  t.is(other.child.exitCode, null);
});
