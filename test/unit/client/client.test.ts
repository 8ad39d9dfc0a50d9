import test from "ava";
import { credentialsOf } from "../../../src/client/kubeconfig.ts";
import { clientLimits } from "../../../src/client/limits.ts";
import { repeating, waitOf } from "../../../src/client/retry.ts";
import { conflict, serviceUnavailable, timeout, tooManyRequests } from "../../../src/kinds/status-errors.ts";
import { createSimEnv } from "../../../src/sim/env.ts";
import { encodeBase64 } from "../../../src/util/base64.ts";
import { utf8 } from "../../../src/util/bytes.ts";
import { TransientError, UserError } from "../../../src/util/errors.ts";

const lost = new TransientError("the connection broke");
const full = tooManyRequests("wait", { retryAfterSeconds: 1 });
const budget = tooManyRequests("budget", { causes: [{ reason: "DisruptionBudget", message: "" }] });
const refused = conflict({ group: "", plural: "pods" }, "a");

test("a write is repeated only where it cannot have happened, an idempotent one also where nobody answered", (t) => {
  t.is(waitOf(lost, "once", 1), undefined);
  t.true((waitOf(lost, "idempotent", 1) ?? 0) > 0);
  t.true((waitOf(lost, "read", 1) ?? 0) > 0);
  t.is(waitOf(full, "once", 1), 1_000);
  t.is(waitOf(budget, "once", 1), undefined);
  t.is(waitOf(serviceUnavailable("no leader"), "once", 1), undefined);
  t.true((waitOf(serviceUnavailable("no leader"), "read", 1) ?? 0) > 0);
  t.is(waitOf(timeout("unknown"), "once", 1), undefined);
  for (const repeat of ["read", "idempotent", "once"] as const) t.is(waitOf(refused, repeat, 1), undefined);
});

test("tries are bounded, and the last failure is the answer", async (t) => {
  const env = createSimEnv({ seed: 1 });
  let tries = 0;
  const outcome = repeating(env.clock, "read", () => {
    tries += 1;
    return Promise.reject(lost);
  });
  const settled = t.throwsAsync(outcome, { is: lost });
  for (let round = 0; round < 100; round += 1) await env.advance(1_000);
  await settled;
  t.is(tries, clientLimits.triesMax);
});

const pem = (text: string): string => encodeBase64(utf8(text));
const config = `
apiVersion: v1
kind: Config
current-context: dev
clusters:
  - name: c
    cluster: { server: "https://10.0.0.1:7000", certificate-authority-data: ${pem("CA")} }
  - name: f
    cluster: { server: "https://api.example", certificate-authority: ca.pem, tls-server-name: kubernetes }
users:
  - name: u
    user: { client-certificate-data: ${pem("CERT")}, client-key-data: ${pem("KEY")} }
  - name: t
    user: { token: secret }
contexts:
  - { name: dev, context: { cluster: c, user: u } }
  - { name: far, context: { cluster: f, user: t, namespace: n } }
  - { name: broken, context: { cluster: none, user: t } }
`;

test("a kubeconfig leads to the port after the server's, with the user's certificate or token", (t) => {
  const readFile = (path: string): string => `text of ${path}`;
  t.deepEqual(credentialsOf(config, readFile, undefined), {
    context: "dev",
    namespace: "default",
    address: "10.0.0.1:7001",
    authority: "CA",
    certificate: "CERT",
    key: "KEY",
  });
  t.deepEqual(credentialsOf(config, readFile, "far"), {
    context: "far",
    namespace: "n",
    address: "api.example:444",
    authority: "text of ca.pem",
    token: "secret",
    serverName: "kubernetes",
  });
});

test("a kubeconfig that leads nowhere says what is missing", (t) => {
  const readFile = (): string => "";
  for (const [wanted, cause] of [
    ["absent", "it has no context absent"],
    ["broken", "context broken names no cluster with a server"],
  ] as const) {
    const error = t.throws(() => credentialsOf(config, readFile, wanted), { instanceOf: UserError });
    t.is(error?.cause instanceof Error ? error.cause.message : "", cause);
  }
  t.throws(() => credentialsOf("", readFile, undefined), { instanceOf: UserError });
});

test("the package offers the client by its own name", async (t) => {
  const name: string = "troupe/client";
  const offered = (await import(name)) as Readonly<Record<string, unknown>>;
  for (const member of ["connect", "Client", "StatusError", "TransientError"]) t.is(typeof offered[member], "function");
});
