// The gRPC port of a real master: the verbs of the command line, health, reflection, and who may come in.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { canDrive, createMachine, root, until, type Machine, type Ran } from "./support/machine.ts";

const live = canDrive ? test.serial : test.serial.skip;
let machine: Machine;
const name = `na${process.pid % 10_000}`;

test.before(async () => {
  if (!canDrive) return;
  machine = createMachine();
  const ran = await machine.troupe(
    "up",
    "--name",
    name,
    "--data-dir",
    join(machine.folder, "d"),
    "--runtime",
    "simulated",
  );
  if (ran.code !== 0) throw new Error(ran.stderr);
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

const troupe = (...args: readonly string[]): Promise<Ran> => machine.troupe(...args);

/** Runs a module inside the machine; what it prints is JSON. */
async function script<T>(body: string): Promise<T> {
  const file = join(machine.folder, "script.mjs");
  const from = (path: string): string => JSON.stringify(join(root, "dist", "src", path));
  writeFileSync(
    file,
    `import * as grpc from ${JSON.stringify(join(root, "node_modules/@grpc/grpc-js/build/src/index.js"))};
import { connect, readKubeconfig } from ${from("client/main.js")};
import { loadService } from ${from("env/real/proto.js")};
${body}`,
  );
  const ran = await machine.run(process.execPath, [file]);
  if (ran.code !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as T;
}

const manifest = `apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {password: hunter2}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: app, image: "x:1"}]}
`;

live("apply, get, logs and delete work on the cluster of the kubeconfig", async (t) => {
  const file = join(machine.folder, "app.yaml");
  writeFileSync(file, manifest);
  const applied = await troupe("apply", "-f", file);
  t.is(applied.code, 0, applied.stderr);
  t.is(applied.stdout, "secret/s created\npod/web created\n");
  t.is((await troupe("apply", "-f", file)).stdout, "secret/s applied\npod/web applied\n");

  const table = await troupe("get", "pods", "-l", "app=web");
  t.regex(table.stdout, /^NAME +READY +STATUS +RESTARTS +AGE\nweb +\d\/1 /);
  t.is((await troupe("get", "po", "-A", "-o", "name")).stdout, "pod/web\n");
  const secret = await troupe("get", "secret", "s", "-o", "yaml");
  t.regex(secret.stdout, /password: <7 bytes>/);
  t.regex((await troupe("get", "secret/s", "-o", "yaml", "--show-secrets")).stdout, /password: aHVudGVyMg==/);

  await until("it runs", async () => (await troupe("get", "pods")).stdout.includes("Running"));
  t.regex((await troupe("logs", "web")).stdout, /simulated container app/);

  t.is((await troupe("delete", "pods")).code, 2, "nothing is deleted in bulk unasked");
  t.is((await troupe("delete", "pods", "-l", "app=web", "--grace-period", "0")).stdout, "pod/web deleted\n");
  t.is((await troupe("delete", "secret", "s")).stdout, "secret/s deleted\n");
  const gone = await troupe("get", "secret", "s");
  t.is(gone.code, 3);
  t.regex(gone.stderr, /error: secrets "s" not found/);
});

live("Secrets lie sealed in the data directory, before and after their key is replaced", async (t) => {
  const clear = "open-sesame-4711";
  const map = { apiVersion: "v1", kind: "Secret", metadata: { name: "sealed" }, stringData: { word: clear } };
  const file = join(machine.folder, "secret.json");
  writeFileSync(file, JSON.stringify(map));
  t.is((await troupe("apply", "-f", file)).code, 0);
  const found = async (): Promise<string> => {
    const words = [clear, Buffer.from(clear).toString("base64")].flatMap((word) => ["-e", word]);
    return (await machine.run("grep", ["-rla", ...words, join(machine.folder, "d")])).stdout;
  };
  t.is(await found(), "");
  const rotated = await troupe("secrets", "rotate-key", "--name", name);
  t.is(rotated.code, 0, rotated.stderr);
  t.regex(rotated.stdout, /^all Secrets are sealed with key [0-9a-f]{8}/);
  t.is(await found(), "");
  const mode = await machine.run("stat", ["-c", "%a", join(machine.folder, "d", "pki", "sealing.key")]);
  t.is(mode.stdout, "600\n");
  t.regex((await troupe("get", "secret", "sealed", "-o", "json", "--show-secrets")).stdout, /b3Blbi1zZXNhbWUtNDcxMQ==/);
});

live("a file is applied at once or not at all", async (t) => {
  const file = join(machine.folder, "atomic.yaml");
  const map = (of: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${of}}\ndata: {k: v}\n`;
  writeFileSync(file, `${map("first")}---\n${map("Bad_Name")}`);
  const refused = await troupe("apply", "-f", file, "--atomic");
  t.is(refused.code, 1);
  t.is((await troupe("get", "configmap", "first")).code, 3);
  writeFileSync(file, `${map("first")}---\n${map("second")}`);
  t.is((await troupe("apply", "-f", file, "--atomic")).stdout, "configmap/first applied\nconfigmap/second applied\n");
  t.is((await troupe("get", "cm", "first", "second", "-o", "name")).stdout, "configmap/first\nconfigmap/second\n");
});

live("get --watch shows what is there and what comes", async (t) => {
  const child = machine.start(process.execPath, [
    join(root, "bin", "troupe"),
    "get",
    "cm",
    "-l",
    "w=1",
    "-o",
    "name",
    "-w",
  ]);
  let seen = "";
  child.stdout?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  try {
    for (const each of ["one", "two"]) {
      await machine.kubectl("create", "configmap", each);
      await machine.kubectl("label", "configmap", each, "w=1");
    }
    await until("the second is shown", async () => seen.includes("configmap/two\n"));
    t.is(seen, "configmap/one\nconfigmap/two\n");
  } finally {
    child.kill("SIGKILL");
  }
});

live("without a certificate a caller is anonymous, a token is taken, and a bad one refused", async (t) => {
  const token = (await machine.kubectl("create", "token", "default")).trim();
  const codes = await script<readonly (number | string)[]>(`
const { address, authority } = readKubeconfig();
const ask = async (more) => {
  const client = connect({ address, authority, ...more });
  try { await client.kind("pods").get("p"); return "answered"; }
  catch (error) { return error.status?.code ?? String(error); }
  finally { client.close(); }
};
const said = await ask({ token: ${JSON.stringify(token)} });
console.log(JSON.stringify([await ask({}), said, await ask({ token: "nonsense" })]));`);
  // A ServiceAccount is known, and may read nothing.
  t.deepEqual(codes, [403, 403, 401]);
});

live("bytes that are no messages are refused one by one, and the master serves on", async (t) => {
  const answers = await script<{ statuses: number[]; after: string }>(`
const { connect: http2 } = await import("node:http2");
const { address, authority, certificate, key } = readKubeconfig();
const session = http2("https://" + address, { ca: authority, cert: certificate, key, servername: "localhost" });
const send = (path, bytes) => new Promise((resolve) => {
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
  let status = -1;
  const take = (headers) => { if (headers["grpc-status"] !== undefined) status = Number(headers["grpc-status"]); };
  stream.on("response", take).on("trailers", take).on("error", () => undefined).on("close", () => resolve(status));
  stream.resume();
  stream.end(bytes);
});
const frame = (bytes) => Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes]);
const bodies = [
  Buffer.alloc(0), Buffer.from("GET / HTTP/1.1"), frame(Buffer.from([0xff, 0xff, 0xff])), frame(Buffer.from([0x0a, 0x7f, 1])),
  Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), Buffer.from([1, 0, 0, 0, 1, 0]), frame(Buffer.alloc(0)),
  frame(Buffer.from([0x0a, 2, 0x1a, 0])), frame(Buffer.alloc(200, 0x0b)),
];
const statuses = [];
for (const name of ["Create", "List", "Transact", "Watch", "Calls", "None"]) {
  for (const body of bodies) statuses.push(await send("/troupe.v1.Api/" + name, body));
}
session.destroy();
const client = connect();
const after = (await client.kind("namespaces").get("default")).metadata.name;
client.close();
console.log(JSON.stringify({ statuses, after }));`);
  t.is(answers.after, "default");
  // A stream of calls that ends without one is no mistake; everything else is refused.
  t.true(answers.statuses.filter((status) => status === 0).length <= 3, JSON.stringify(answers.statuses));
});

live("health and reflection answer tools", async (t) => {
  const answers = await script<{ health: number; unknown: number; services: string[]; file: number; missing: number }>(`
const { address, authority } = readKubeconfig();
const client = new grpc.Client(address, grpc.credentials.createSsl(Buffer.from(authority)), {
  "grpc.ssl_target_name_override": "localhost",
});
const health = loadService("grpc/health.proto", "grpc.health.v1.Health").Check;
const check = (service) => new Promise((resolve) => {
  client.makeUnaryRequest(health.path, health.requestSerialize, health.responseDeserialize, { service },
    (error, reply) => resolve(error === null ? reply.status : -error.code));
});
const { ServerReflectionInfo: info } = loadService("grpc/reflection-v1.proto", "grpc.reflection.v1.ServerReflection");
const stream = client.makeBidiStreamRequest(info.path, info.requestSerialize, info.responseDeserialize);
const next = () => new Promise((resolve) => stream.once("data", resolve));
stream.write({ listServices: "" });
const services = (await next()).listServicesResponse.service.map(({ name }) => name);
stream.write({ fileContainingSymbol: "troupe.v1.Api.Create" });
const file = (await next()).fileDescriptorResponse.fileDescriptorProto[0].length;
stream.write({ fileContainingSymbol: "no.such.Service" });
const missing = (await next()).errorResponse.errorCode;
stream.end();
console.log(JSON.stringify({ health: await check(""), unknown: await check("nobody"), services, file, missing }));
client.close();`);
  t.is(answers.health, 1);
  t.is(answers.unknown, -5);
  t.true(
    ["troupe.v1.Api", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"].every((each) =>
      answers.services.includes(each),
    ),
  );
  t.true(answers.file > 1_000);
  t.is(answers.missing, 5);
});
