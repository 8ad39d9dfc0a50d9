// A machine without a default route: the node's address lies on a link of its own, images come from
// archives (OCI layout, docker save), and a pod that uses them answers on its NodePort.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { realCrypto } from "../../src/env/real/crypto.ts";
import { buildImage } from "../../src/node/images/build/oci.ts";
import { writeTar, type TarItem } from "../../src/node/images/tar.ts";
import { createMachine, canDrive, until, type Machine } from "./support/machine.ts";

const live = canDrive ? test.serial : test.serial.skip;
let machine: Machine;
const name = `cn${process.pid % 10_000}`;
const architecture = process.arch === "arm64" ? "arm64" : "amd64";
const file = (path: string, content: Uint8Array, mode = 0o644): TarItem => ({
  kind: "file",
  name: path,
  mode,
  content,
});
const json = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const rootFiles = (): readonly TarItem[] => [file("busybox", readFileSync("/bin/busybox"), 0o755)];

function dockerArchive(image: string): Uint8Array {
  const layer = writeTar(rootFiles());
  const config = json({
    architecture,
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const manifest = json([{ Config: `${sha256(config)}.json`, RepoTags: [image], Layers: ["a/layer.tar"] }]);
  return writeTar([
    file(`${sha256(config)}.json`, config),
    file("a/layer.tar", layer),
    file("manifest.json", manifest),
  ]);
}

test.before(() => {
  if (!canDrive) return;
  machine = createMachine();
  execFileSync("ip", ["-n", machine.netns, "link", "del", "up0"]);
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

live("up works, and the node has an address", async (t) => {
  const ran = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "d"));
  t.is(ran.code, 0, ran.stderr);
  t.regex(ran.stderr, /NodePorts answer on 198\.18\.0\.1/);
});

live("images of both kinds of archive are loaded, and pods run them", async (t) => {
  const images = { oci: "docker.io/library/one:1", docker: "docker.io/library/two:1" };
  const path = (kind: string): string => join(machine.folder, `${kind}.tar`);
  writeFileSync(
    path("oci"),
    buildImage({ name: images.oci, architecture, files: rootFiles(), config: {} }, realCrypto),
  );
  writeFileSync(path("docker"), dockerArchive("two:1"));
  for (const [kind, image] of Object.entries(images)) {
    const ran = await machine.troupe("image", "load", path(kind), "--name", name);
    t.is(ran.code, 0, ran.stderr);
    t.is(ran.stdout, `n1: ${image}\n`);
    const script = `/busybox mkdir /w; /busybox echo ${kind} > /w/index.html; exec /busybox httpd -f -p 8080 -h /w`;
    const command = ["--command", "--", "/busybox", "sh", "-c", script];
    await machine.kubectl("run", kind, `--image=${image.split("/").at(-1)}`, "--labels=app=echo", ...command);
    await machine.kubectl("wait", "--for=condition=Ready", `pod/${kind}`, "--timeout=60s");
  }
  await machine.kubectl("create", "service", "nodeport", "echo", "--tcp=80:8080", "--node-port=30082");
  const seen = new Set<string>();
  await until("both answer on the NodePort", async () => {
    const ran = await machine.run("busybox", ["wget", "-q", "-O", "-", "http://198.18.0.1:30082/"], {
      timeoutMs: 3_000,
    });
    seen.add(ran.stdout.trim());
    return seen.has("oci") && seen.has("docker");
  });
  t.pass();
  await machine.kubectl("delete", "pod", "--all", "--grace-period=1");
});
