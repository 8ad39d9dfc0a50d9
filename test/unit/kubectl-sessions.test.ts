// What the sessions of kubectl (test/golden/kubectl) hold, and who plays what of them, without a cluster.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { isReading, parseSession, playersOf, stepsOf } from "../live/support/sessions.ts";

const folder = join(import.meta.dirname, "../../../test/golden/kubectl");
const sessions = readdirSync(folder).map((file) => parseSession(readFileSync(join(folder, file), "utf8")));
const versions = ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"];

/** Every command that a user of these kinds has. */
const commands = [
  "create, run, expose, apply, edit, patch, replace, delete, scale, autoscale, set, label, annotate, taint, cordon",
  "uncordon, drain, logs, exec, attach, cp, port-forward, debug, explain, wait, diff, events, auth whoami, auth can-i",
  "kustomize, proxy, get, describe, top, rollout status, rollout history, rollout undo, rollout pause, rollout resume",
  "rollout restart, api-resources, api-versions, version, cluster-info, cluster-info dump, create token",
].flatMap((line) => line.split(", "));

for (const command of commands) {
  test(`a session has kubectl ${command}`, (t) => {
    const pattern = new RegExp(`kubectl ${command}\\b`);
    t.true(sessions.some((session) => stepsOf(session).some((step) => pattern.test(step.command))));
  });
}

test("what changes something is played by four versions, what only looks by three, and each has its share", (t) => {
  const shares = new Map(versions.map((version) => [version, 0]));
  for (const [turn, session] of sessions.entries()) {
    const steps = stepsOf(session);
    const who = new Set<string>();
    for (const [at, players] of playersOf(session, versions, turn).entries()) {
      const step = steps[at]!;
      t.is(players.size, isReading(step) ? 3 : 4, step.command);
      t.true(players.has("1.27") && players.has("1.33"), step.command);
      for (const version of players) shares.set(version, shares.get(version)! + 1);
      for (const version of players) who.add(version);
    }
    t.is(who.size, 4, "what one version changes, the same version looks at");
  }
  t.true(Math.min(...shares.values()) > 100, JSON.stringify([...shares]));
  t.deepEqual(playersOf(sessions[0]!, ["1.33"], 0)[0], new Set(["1.33"]), "a machine may have only one");
});

test("a step reads only if nothing of its line can change anything", (t) => {
  const reads = (command: string, text = ""): boolean =>
    isReading({ sign: "$", command, variants: [{ versions: "", text }] });
  const reading = ["kubectl get cm", "kubectl get cm -o yaml | sed s/a/b/ | sort", "timeout 4 kubectl logs one"];
  const trying = ["kubectl delete cm a --dry-run=server", "kubectl label cm a --list", "kubectl diff -f a.yaml"];
  for (const command of [...reading, ...trying]) t.true(reads(command), command);
  const changing = ["kubectl apply -f -", "kubectl get cm a -o yaml > a.yaml", "kubectl get cm | kubectl delete -f -"];
  const compound = ["kubectl get cm; kubectl delete cm a", "kubectl get cm | sed -i s/a/b/ f", "kubectl get cm & wait"];
  for (const command of [...changing, ...compound]) t.false(reads(command), command);
  const waiting = [
    "kubectl wait pods -l app=web --for=delete --timeout=30s | grep -v 'condition met'",
    "kubectl rollout status deploy/web --timeout=60s | tail -1",
    "timeout 4 kubectl logs -f one",
  ];
  for (const command of waiting) t.false(reads(command, "[1]"), `who has not waited is early at the next: ${command}`);
  t.true(reads("kubectl rollout status deploy/web --watch=false"));
  t.true(reads("kubectl create cm a", "error: exists\n[1]"), "what is refused changes nothing");
  t.false(reads("kubectl drain n1", "error: cannot delete\n[1]"), "but a drain has cordoned its node by then");
});
