import test from "ava";

import { realCrypto } from "../../../../src/env/real/crypto.ts";
import { readArchive } from "../../../../src/node/images/archive.ts";
import { pauseProgram } from "../../../../src/node/images/build/elf.ts";
import { pauseArchive, pauseImage } from "../../../../src/node/images/build/offline.ts";
import { createPuller } from "../../../../src/node/images/puller.ts";
import { defaultPullPolicy, fullName, parseReference, registryUrl } from "../../../../src/node/images/reference.ts";
import { readTarIndex, type TarItem, writeTar } from "../../../../src/node/images/tar.ts";
import { createFakeCri } from "../../../../src/testing/fake-cri.ts";
import { createFakeFiles } from "../../../../src/testing/fake-files.ts";
import { toHex } from "../../../../src/util/bytes.ts";
import { virtualClock } from "../virtual-clock.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (value: unknown): Uint8Array => bytes(JSON.stringify(value));
const sha = (content: Uint8Array): string => `sha256:${toHex(realCrypto.sha256(content))}`;
const file = (name: string, content: Uint8Array): TarItem => ({
  kind: "file",
  name,
  mode: 0o644,
  content,
});

test("a short name is completed as Docker does it; what is no name is refused", (t) => {
  const cases: Record<string, string | undefined> = {
    busybox: "docker.io/library/busybox:latest",
    "busybox:1.36": "docker.io/library/busybox:1.36",
    "team/app": "docker.io/team/app:latest",
    "localhost/troupe/pause:1": "localhost/troupe/pause:1",
    "reg.example:5000/a/b:v2": "reg.example:5000/a/b:v2",
    [`a@sha256:${"0".repeat(64)}`]: `docker.io/library/a@sha256:${"0".repeat(64)}`,
    [`a:1@sha256:${"0".repeat(64)}`]: `docker.io/library/a@sha256:${"0".repeat(64)}`,
    "": undefined,
    Upper: undefined,
    "a b": undefined,
    "a:": undefined,
    "a@sha256:12": undefined,
    "a//b": undefined,
  };
  for (const [name, full] of Object.entries(cases)) {
    const reference = parseReference(name);
    t.is(reference && fullName(reference), full, name);
  }
});

test("only the tag latest, or none, is pulled each time by default", (t) => {
  t.is(defaultPullPolicy("a"), "Always");
  t.is(defaultPullPolicy("a:latest"), "Always");
  t.is(defaultPullPolicy("a:1"), "IfNotPresent");
  t.is(defaultPullPolicy(`a@sha256:${"0".repeat(64)}`), "IfNotPresent");
});

test("credentials are bound to the registry, Docker's own by its real host", (t) => {
  t.is(registryUrl(parseReference("a")!), "https://registry-1.docker.io");
  t.is(registryUrl(parseReference("reg.example:5000/a")!), "https://reg.example:5000");
});

test("pause is one loadable segment whose jumps and handlers point into itself", (t) => {
  for (const [architecture, machine] of [
    ["amd64", 62],
    ["arm64", 183],
  ] as const) {
    const program = pauseProgram(architecture);
    const view = new DataView(program.buffer, program.byteOffset);
    t.is(view.getUint32(0), 0x7f454c46);
    t.is(view.getUint16(18, true), machine);
    t.is(Number(view.getBigUint64(96, true)), program.length);
    const last = program.length - 32;
    const handler = Number(view.getBigUint64(last, true)) - 0x400000;
    // exit: the instruction that loads its number.
    const expected = architecture === "amd64" ? [0xb8, 60] : [0x00, 0x00, 0x80, 0xd2];
    t.deepEqual([...program.subarray(handler, handler + expected.length)], expected);
    t.is(Number(view.getBigUint64(last - 32, true)), 1, "SIGCHLD is ignored");
  }
});

test("an arm64 call loads the address of its own action", (t) => {
  const program = pauseProgram("arm64");
  const view = new DataView(program.buffer, program.byteOffset);
  for (const [call, struct] of [
    [0, 64],
    [1, 32],
    [2, 32],
  ] as const) {
    const at = 120 + call * 24 + 4;
    const word = view.getUint32(at, true);
    t.is(word & 0x9f00001f, 0x10000001 | 0);
    const distance = (((word >>> 5) & 0x7ffff) << 2) | ((word >>> 29) & 3);
    t.is(at + distance, program.length - struct);
  }
});

test("an archive of ours is the same on every machine and is read back", async (t) => {
  const files = createFakeFiles();
  const archive = pauseArchive("amd64", realCrypto);
  t.deepEqual(archive, pauseArchive("amd64", realCrypto));
  await files.write("/a.tar", archive);
  const [image, ...more] = await readArchive({ files, crypto: realCrypto }, "/a.tar", "amd64");
  t.deepEqual(more, []);
  t.deepEqual(image!.names, [pauseImage]);
  for (const blob of image!.blobs) t.is(sha(await blob.read(0, blob.size)), blob.digest);
  const manifest = image!.blobs.at(-1)!;
  t.is(manifest.digest, image!.manifest.digest);
  // What the manifest keeps alive are the other blobs.
  t.deepEqual(
    Object.values(manifest.labels).sort(),
    image!.blobs
      .slice(0, -1)
      .map(({ digest }) => digest)
      .sort(),
  );
  await t.throwsAsync(readArchive({ files, crypto: realCrypto }, "/a.tar", "arm64"), {
    message: /no named image for arm64/,
  });
});

test("of an image for several machines this machine's is taken", async (t) => {
  const blobs = new Map<string, Uint8Array>();
  const add = (content: Uint8Array) => {
    blobs.set(sha(content), content);
    return { digest: sha(content), size: content.length };
  };
  const manifests = ["amd64", "arm64"].map((architecture) => {
    const config = add(json({ architecture, rootfs: { diff_ids: [] } }));
    return { ...add(json({ config, layers: [] })), platform: { architecture } };
  });
  const index = { ...add(json({ manifests })), mediaType: "application/vnd.oci.image.index.v1+json" };
  const annotations = { "io.containerd.image.name": "reg.example/multi:1" };
  const archive = writeTar([
    file("index.json", json({ manifests: [{ ...index, annotations }] })),
    ...[...blobs].map(([digest, content]) => file(`blobs/${digest.replace(":", "/")}`, content)),
  ]);
  const files = createFakeFiles();
  await files.write("/m.tar", archive);
  const [image] = await readArchive({ files, crypto: realCrypto }, "/m.tar", "arm64");
  t.is(image!.manifest.digest, manifests[1]!.digest);
});

test("docker save: linked and gzipped layers get a manifest with the digests of what is there", async (t) => {
  const files = createFakeFiles();
  const gzipped = Uint8Array.of(0x1f, 0x8b, 1, 2, 3);
  await files.write(
    "/d.tar",
    writeTar([
      file(
        "manifest.json",
        json([{ Config: "c.json", RepoTags: ["x:1", "y:1"], Layers: ["a/layer.tar", "b/layer.tar"] }]),
      ),
      file("c.json", json({ rootfs: { diff_ids: ["sha256:aa", "sha256:bb"] } })),
      file("a/layer.tar", gzipped),
      { kind: "link", name: "b/layer.tar", target: "../a/layer.tar" },
    ]),
  );
  const [image] = await readArchive({ files, crypto: realCrypto }, "/d.tar", "amd64");
  t.deepEqual(image!.names, ["docker.io/library/x:1", "docker.io/library/y:1"]);
  const manifest = image!.blobs.at(-1)!;
  const text = new TextDecoder().decode(await manifest.read(0, manifest.size));
  const { layers } = JSON.parse(text) as { layers: { mediaType: string; digest: string }[] };
  t.deepEqual(
    layers.map(({ digest }) => digest),
    [sha(gzipped), sha(gzipped)],
  );
  t.true(layers.every(({ mediaType }) => mediaType.endsWith("+gzip")));
  t.deepEqual(image!.blobs[1]!.labels, { "containerd.io/uncompressed": "sha256:bb" });
});

test("what is no archive, or lacks a part, is refused by name", async (t) => {
  const files = createFakeFiles();
  const read = (path: string) => readArchive({ files, crypto: realCrypto }, path, "amd64");
  await files.write("/text", "x".repeat(600));
  await t.throwsAsync(read("/text"), { message: /\/text is not a tar file/ });
  await files.write("/empty", new Uint8Array(1024));
  await t.throwsAsync(read("/empty"), { message: /neither an OCI layout nor/ });
  const saved = json([{ Config: "c.json", RepoTags: ["x:1"], Layers: [] }]);
  await files.write("/lacking", writeTar([file("manifest.json", saved)]));
  await t.throwsAsync(read("/lacking"), { message: /c\.json is missing/ });
});

test("a long name of GNU tar or pax stands for the entry behind it", async (t) => {
  const files = createFakeFiles();
  const long = `${"d".repeat(120)}/layer.tar`;
  const rename = (archive: Uint8Array, type: string): Uint8Array => {
    const copy = archive.slice(0, archive.length - 1024);
    copy[156] = type.charCodeAt(0);
    copy.fill(32, 148, 156);
    const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    copy.set(bytes(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return copy;
  };
  for (const [type, body] of [
    ["L", `${long}\0`],
    ["x", `${long.length + 10} path=${long}\n`],
  ] as const) {
    const head = rename(writeTar([file("@", bytes(body))]), type);
    const rest = writeTar([file("short", bytes("content"))]);
    const whole = new Uint8Array(head.length + rest.length);
    whole.set(head);
    whole.set(rest, head.length);
    await files.write("/l.tar", whole);
    const entry = (await readTarIndex(files, "/l.tar")).get(long);
    t.is(entry?.size, 7, type);
  }
});

test("the policy decides whether the registry is asked", async (t) => {
  const clock = virtualClock();
  const cri = createFakeCri(clock);
  cri.addImage("docker.io/library/here:1");
  cri.addRemoteImage("docker.io/library/here:1");
  const puller = createPuller({ cri, clock });
  const pulls = () => cri.calls.filter(({ method }) => method === "pullImage").length;
  const ensure = (image: string, policy: "Always" | "IfNotPresent" | "Never") =>
    puller.ensure({ image, policy, podUid: "u" });
  t.like(await ensure("here:1", "IfNotPresent"), { kind: "present", pulled: false });
  t.like(await ensure("here:1", "Never"), { kind: "present", pulled: false });
  t.is(pulls(), 0);
  t.like(await ensure("here:1", "Always"), { kind: "present", pulled: true });
  t.is(pulls(), 1);
  t.like(await ensure("gone:1", "Never"), { reason: "ErrImageNeverPull" });
  t.like(await ensure("NO", "Always"), { reason: "InvalidImageName" });
  t.is(pulls(), 1);
});

test("pods that start together with one image ask for it once; one that is gone is missed after five seconds", async (t) => {
  const clock = virtualClock();
  const cri = createFakeCri(clock);
  const { id } = cri.addImage("docker.io/library/here:1");
  const puller = createPuller({ cri, clock });
  const ensure = (podUid: string) => puller.ensure({ image: "here:1", policy: "Never", podUid });
  for (let number = 0; number < 10; number += 1) t.like(await ensure(`u${number}`), { kind: "present" });
  t.is(cri.calls.filter(({ method }) => method === "imageStatus").length, 1);
  await cri.removeImage(id);
  await clock.advance(5_000);
  t.like(await ensure("late"), { reason: "ErrImageNeverPull" });
});

test("pods that want the same image share one pull", async (t) => {
  const clock = virtualClock();
  const cri = createFakeCri(clock);
  cri.addRemoteImage("docker.io/library/a:1");
  const puller = createPuller({ cri, clock });
  const outcomes = await Promise.all(
    ["u1", "u2", "u3"].map((podUid) => puller.ensure({ image: "a:1", policy: "IfNotPresent", podUid })),
  );
  t.true(outcomes.every(({ kind }) => kind === "present"));
  t.is(cri.calls.filter(({ method }) => method === "pullImage").length, 1);
});

test("a failed pull backs off for its pod alone, doubled to five minutes, and starts anew after a success", async (t) => {
  const clock = virtualClock();
  const cri = createFakeCri(clock);
  const puller = createPuller({ cri, clock });
  const ensure = (podUid: string) => puller.ensure({ image: "a:1", policy: "IfNotPresent", podUid });
  const delays: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const failed = await ensure("u1");
    if (failed.kind !== "failed") return t.fail();
    t.is(failed.reason, "ErrImagePull");
    delays.push(failed.retryAtMs! - clock.mono());
    const held = await ensure("u1");
    t.like(held, { reason: "ImagePullBackOff" });
    t.regex(held.kind === "failed" ? held.message : "", /^Back-off pulling image "a:1": ErrImagePull: /);
    await clock.advance(failed.retryAtMs! - clock.mono());
  }
  t.deepEqual(delays, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  t.like(await ensure("u2"), { reason: "ErrImagePull" });
  cri.addRemoteImage("docker.io/library/a:1");
  t.like(await ensure("u1"), { kind: "present", pulled: true });
});
