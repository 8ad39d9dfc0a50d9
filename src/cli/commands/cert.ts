/** `troupe cert list|renew|rotate-ca`: the certificates in a cluster's data directory. */
import { connect } from "node:tls";
import { UserError } from "../../util/errors.ts";
import { parseChoice, parseDuration } from "../arguments.ts";
import { listCertificates, type Certificate } from "../certificates.ts";
import { layoutOf, requireCluster, type Registered } from "../cluster-file.ts";
import { clusterOptions, outputOption } from "../cluster-options.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { print, say, table } from "../output.ts";
import { ensurePki } from "../pki.ts";
import { renewContext } from "../renewal.ts";
import { processesOf } from "../processes.ts";
import { self } from "../self.ts";
import { accessOf } from "./up.ts";

export const cert: Command = {
  name: "cert",
  summary:
    "Lists the certificates of a cluster, or makes them anew; what runs takes them\n" +
    "over at once. By themselves they are renewed after two thirds of their life.\n" +
    "rotate-ca makes new authorities, while everything runs.",
  examples: [
    "troupe cert list --name dev",
    "troupe cert renew",
    "troupe cert renew serving node-n1",
    "troupe cert rotate-ca --name prod",
    "troupe cert rotate-ca --name prod --finish",
  ],
  arguments: "list|renew|rotate-ca [CERTIFICATE...] ",
  options: [
    ...clusterOptions,
    { name: "valid", type: "string", value: "8760h", help: "renew: how long they are good for (a year)" },
    { name: "settle", type: "string", value: "60s", help: "rotate-ca: until the new authorities sign" },
    { name: "finish", type: "boolean", help: "rotate-ca: let the old authorities go" },
    outputOption("list: table (default) or json"),
  ],
  async run(values, [verb, ...names]) {
    if (verb === "rotate-ca" && names.length === 0) return rotate(values);
    if (verb !== "renew" && (verb !== "list" || names.length > 0)) {
      throw new UserError("TRP-0002", "cert knows list, renew and rotate-ca", {
        hint: `${self} cert --help`,
        exitCode: 2,
      });
    }
    const found = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
    return verb === "list" ? list(values, found) : renew(values, found, names);
  },
};

async function list(values: Values, { dataDir, name }: Registered): Promise<number> {
  const output = parseChoice("output", text(values, "output") ?? "table", ["table", "json"]);
  const certificates = await listCertificates(layoutOf(dataDir).pki);
  print(
    output === "json"
      ? JSON.stringify({ name, certificates: certificates.map(plain) }, undefined, 2)
      : table(
          ["NAME", "USE", "ENDS", "LEFT", "SUBJECT"],
          certificates.map((one) => row(one, Date.now())),
        ),
  );
  return certificates.some(({ toMs }) => toMs < Date.now()) ? 1 : 0;
}

function plain({ toMs, renewalMs, ...rest }: Certificate): object {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return { ...rest, notAfter: iso(toMs), ...(renewalMs === undefined ? {} : { renewal: iso(renewalMs) }) };
}

export function row({ name, use, toMs, subject }: Certificate, nowMs: number): readonly string[] {
  return [name, use, new Date(toMs).toISOString().replace(/\.\d+/, ""), leftText(toMs - nowMs), subject];
}

/** `364d`, `5h`, `90s`, `over`. */
export function leftText(ms: number): string {
  if (ms <= 0) return "over";
  const seconds = Math.floor(ms / 1_000);
  if (seconds >= 2 * 86_400) return `${Math.floor(seconds / 86_400)}d`;
  if (seconds >= 2 * 3_600) return `${Math.floor(seconds / 3_600)}h`;
  return seconds >= 120 ? `${Math.floor(seconds / 60)}m` : `${seconds}s`;
}

async function renew(values: Values, found: Registered, names: readonly string[]): Promise<number> {
  const { dataDir, cluster } = found;
  const folder = layoutOf(dataDir).pki;
  const valid = text(values, "valid");
  const leaves = (await listCertificates(folder)).filter(({ use }) => use !== "authority");
  const unknown = names.find((name) => leaves.every((leaf) => leaf.name !== name));
  if (unknown !== undefined) {
    throw new UserError("TRP-0180", `there is no certificate "${unknown}" that can be renewed`, {
      cause: new Error(`it has ${leaves.map(({ name }) => name).join(", ")}; authorities stay as they are`),
      hint: `${self} cert list --name ${cluster.name}`,
      exitCode: 3,
    });
  }
  const isMeant = (name: string): boolean => names.length === 0 || names.includes(name);
  const pki = await ensurePki(folder, cluster, {
    renew: isMeant,
    ...(valid === undefined ? {} : { validMs: parseDuration("valid", valid) }),
  });
  await renewContext(dataDir, pki);
  const running = processesOf(dataDir).filter(({ role }) => role === "server" || role === "agent");
  for (const { pid } of running) process.kill(pid, "SIGHUP");
  const renewed = (await listCertificates(folder)).filter(({ name, use }) => use !== "authority" && isMeant(name));
  for (const { name, toMs } of renewed) print(`${name} renewed, until ${new Date(toMs).toISOString()}`);
  const serving = renewed.find(({ name }) => name === "serving");
  if (serving !== undefined && running.some(({ role }) => role === "server")) {
    const { host } = accessOf(cluster, pki);
    for (const port of [cluster.apiPort, cluster.grpcPort]) await shows({ host, port }, serving.fingerprint);
    say("the master shows it on both ports");
  }
  return 0;
}

const settleMs = 60_000;

async function rotate(values: Values): Promise<number> {
  const { dropOldAuthorities, rotateAuthorities } = await import("../rotating.ts");
  if (flag(values, "finish")) {
    await dropOldAuthorities(values);
    print("the old authorities are believed no more");
    return 0;
  }
  const settle = text(values, "settle");
  await rotateAuthorities({
    values,
    settleMs: settle === undefined ? settleMs : parseDuration("settle", settle),
    tell: print,
  });
  say("Copies of admin.kubeconfig elsewhere need the new one, and new tokens the new hash. When all have it:");
  say(`  ${self} cert rotate-ca --finish`);
  return 0;
}

const patienceMs = 15_000;
const pollMs = 200;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Resolves once the port shows the certificate to who connects. */
async function shows(at: Address, fingerprint: string): Promise<void> {
  const untilMs = Date.now() + patienceMs;
  for (;;) {
    if ((await shown(at)) === fingerprint) return;
    if (Date.now() > untilMs) {
      throw new UserError("TRP-0181", `port ${at.port} shows the certificate of before`, {
        hint: "the master's log says certificate.not-renewed if it could not; a restart takes it over",
        exitCode: 4,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Undefined: nobody answers at this moment. */
function shown({ host, port }: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ["h2"] }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once("error", () => resolve(undefined));
  });
}
