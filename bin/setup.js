#!/usr/bin/env node
// Makes a fresh clone ready: npm packages from the lock file, the build, and (with --system, as root
// on Debian) the system packages. Then runs the command behind `--`, if there is one.
// Plain JavaScript without dependencies: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const separator = process.argv.indexOf("--", 2);
const flags = process.argv.slice(2, separator === -1 ? undefined : separator);
const command = separator === -1 ? [] : process.argv.slice(separator + 1);

/** Binary → Debian package that brings it. busybox must be the static one: images are built of it. */
const systemPackages = {
  containerd: "containerd",
  runc: "runc",
  nft: "nftables",
  ip: "iproute2",
  conntrack: "conntrack",
  busybox: "busybox-static",
};

/** What only the tests use (`--test`): file → Debian package. */
const testPackages = {
  "/var/lib/dpkg/info/python3-kubernetes.list": "python3-kubernetes",
  "/var/lib/dpkg/info/ruby-kubeclient.list": "ruby-kubeclient",
  "/usr/bin/systemd-analyze": "systemd",
  "/usr/bin/strace": "strace",
  "/usr/bin/etcd": "etcd-server",
};

const say = (text) => process.stderr.write(`${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function run(file, args, options = {}) {
  const result = spawnSync(file, args, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (result.error) fail(`${file}: ${result.error.message}`);
  return result.status ?? 1;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Troupe needs Node 20.19 or newer; this is ${process.versions.node}.`);
}

function installPackages() {
  const stamp = join(root, "node_modules", ".troupe-lock");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  say("installing npm packages (package-lock.json) …");
  // Not `npm ci`: it refuses a lock file without the linter's binaries for foreign platforms, which
  // some registries do not mirror. The versions and hashes of the lock file hold all the same.
  const options = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  if (run("npm", options) !== 0) fail("npm could not install the packages; see its message above");
  writeFileSync(stamp, lock);
}

/** A source that was deleted leaves its compiled file behind; a test of it would still run. */
function removeStale(folder) {
  const compiled = join(root, "dist", folder);
  if (!existsSync(compiled)) return;
  for (const entry of readdirSync(compiled, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(js|d\.ts|js\.map)$/.test(entry.name)) continue;
    const relative = join(entry.parentPath, entry.name).slice(compiled.length + 1);
    const source = join(root, folder, relative.replace(/(\.d\.ts|\.js\.map|\.js)$/, ".ts"));
    if (!existsSync(source)) rmSync(join(compiled, relative));
  }
}

function build() {
  for (const folder of ["src", "test", "bench"]) removeStale(folder);
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  if (run(process.execPath, [compiler, "-p", "."]) !== 0) fail("the build failed");
  if (run(process.execPath, [join(root, "bin/bundle.js")]) !== 0) fail("the bundle could not be built");
}

function has(binary) {
  const folders = `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/local/sbin`.split(":");
  // npm puts its packages' programs first in PATH, and one of them is called nft.
  const searched = folders.filter((folder) => folder !== "" && !folder.endsWith("/node_modules/.bin"));
  return searched.some((folder) => existsSync(join(folder, binary)));
}

function isStaticBusybox() {
  const paths = ["/bin/busybox", "/usr/bin/busybox"].filter((path) => existsSync(path));
  return paths.some((path) => !readFileSync(path).includes("/lib64/ld-linux"));
}

function installSystemPackages() {
  // An existing containerd brings its own runc.
  const needed = Object.entries(systemPackages).filter(
    ([binary]) => !usesExistingRuntime || (binary !== "containerd" && binary !== "runc"),
  );
  const missing = needed
    .filter(([binary]) => !has(binary) || (binary === "busybox" && !isStaticBusybox()))
    .map(([, name]) => name);
  if (flags.includes("--test")) {
    missing.push(...Object.entries(testPackages).flatMap(([file, name]) => (existsSync(file) ? [] : [name])));
  }
  if (missing.length === 0) return;
  const asRoot = process.getuid?.() === 0;
  if (!asRoot || !has("apt-get")) {
    say(`missing for the containerd runtime: ${missing.join(", ")}`);
    say(
      asRoot
        ? "Install them with your system's package manager, or use --runtime simulated."
        : "Run this as root to install them, or use --runtime simulated.",
    );
    return;
  }
  say(`installing system packages with apt-get: ${missing.join(" ")} …`);
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", 2],
  };
  const apt = (...args) => run("apt-get", [...args], options) === 0;
  const install = () => apt("install", "-y", "-qq", "--no-install-recommends", ...missing);
  if (!install() && !(apt("update", "-qq") && install())) {
    fail("apt-get could not install the system packages; see its message above");
  }
}

const usesExistingRuntime = command.some((argument) => argument.startsWith("--container-runtime-endpoint"));
checkNode();
installPackages();
build();
const simulated = command.some(
  (argument, index) =>
    argument === "--runtime=simulated" || (argument === "simulated" && command[index - 1] === "--runtime"),
);
if (flags.includes("--system") && !simulated) installSystemPackages();
const [file, ...args] = command;
if (file !== undefined) {
  const result = spawnSync(file === "node" ? process.execPath : file, args, {
    cwd: root,
    stdio: "inherit",
  });
  process.exit(result.status ?? 1);
}
