/**
 * A node with pods and a stranger, as network namespaces, for real packets: N is the machine's own
 * namespace, each pod has an address of its own behind a link of N, and the stranger `x` lives on the
 * network that N's default route leads to. Each pod answers TCP and UDP on 8080 with its name and the
 * source address that it saw.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Exec } from "../../../src/env/host.ts";
import { realExec } from "../../../src/env/real/exec.ts";
import { createMachine, type Machine } from "./machine.ts";

export const servicePort = 80;
export const podPort = 8080;
export const strangerAddress = "198.51.100.3";

export interface Packets {
  readonly machine: Machine;
  /** Runs everything in N. */
  readonly exec: Exec;
  /** The pods' addresses by name. */
  readonly pods: Readonly<Record<string, string>>;
  /** What the server said, or `!CODE`, one per connection or datagram. `from`: a pod, `node` or `x`. */
  ask(from: string, question: Question): Promise<readonly string[]>;
  /** Connects without a pause, `atLeast` times and until `stop`, which answers how many there were and what failed. */
  storm(
    from: string,
    host: string,
    atLeast: number,
  ): Promise<{ stop(): Promise<{ count: number; failed: readonly string[] }> }>;
  dispose(): Promise<void>;
}

export interface Question {
  readonly proto?: "tcp" | "udp";
  readonly host: string;
  readonly port?: number;
  readonly count?: number;
  readonly sourcePort?: number;
}

const serverScript = `
const [name, port] = process.argv.slice(1);
require("node:net").createServer((socket) => {
  socket.on("error", () => undefined);
  socket.end(name + " " + socket.remoteAddress.replace("::ffff:", ""));
}).listen(Number(port), "0.0.0.0", () => console.log("ready"));
const udp = require("node:dgram").createSocket("udp4", (_, from) => udp.send(name + " " + from.address, from.port, from.address));
udp.bind(Number(port));
`;

const clientScript = `
const { proto = "tcp", host, port = ${servicePort}, count = 1, sourcePort, atLeast } = JSON.parse(process.argv[1]);
const tcp = () => new Promise((resolve) => {
  const socket = require("node:net").connect({ host, port });
  let text = "";
  socket.setTimeout(20000, () => { socket.destroy(); resolve("!timeout"); });
  socket.on("data", (part) => (text += part));
  socket.on("error", (error) => resolve("!" + error.code));
  socket.on("end", () => resolve(text));
});
const socket = proto === "udp" ? require("node:dgram").createSocket("udp4") : undefined;
const udp = () => new Promise((resolve) => {
  const timer = setTimeout(() => resolve("!timeout"), 20000);
  const end = (text) => { clearTimeout(timer); socket.removeAllListeners(); resolve(text); };
  socket.on("message", (text) => end(String(text)));
  socket.on("error", (error) => end("!" + error.code));
  socket.send("?", (error) => error && end("!" + error.code));
});
(async () => {
  if (socket !== undefined) {
    await new Promise((resolve) => socket.bind(sourcePort ?? 0, resolve));
    await new Promise((resolve) => socket.connect(port, host, resolve));
  }
  const said = [];
  if (atLeast !== undefined) {
    let over = false;
    process.stdin.on("end", () => (over = true)).resume();
    console.log("ready");
    while (!over || said.length < atLeast) said.push(await tcp());
    const failed = said.filter((text) => text === "" || text.startsWith("!"));
    console.log(JSON.stringify({ count: said.length, failed }));
  } else {
    for (let turn = 0; turn < count; turn += 1) said.push(await (proto === "udp" ? udp() : tcp()));
    console.log(JSON.stringify(said));
  }
  process.exit(0);
})();
`;

export async function createPackets(names: readonly string[]): Promise<Packets> {
  const machine = createMachine();
  const node = machine.netns;
  const ip = (...words: readonly string[]): void => void execFileSync("ip", words, { stdio: "pipe" });
  const inNode = (line: string): void => ip("-n", node, ...line.split(" "));
  const netnsOf = (name: string): string => (name === "node" ? node : `${node}${name}`);
  const spaces: string[] = [];
  const children: ChildProcess[] = [];
  const space = (name: string): void => {
    ip("netns", "add", netnsOf(name));
    spaces.push(netnsOf(name));
    ip("-n", netnsOf(name), "link", "set", "lo", "up");
  };
  const start = (name: string, words: readonly string[]): ChildProcess => {
    const all = [`--net=/run/netns/${netnsOf(name)}`, process.execPath, ...words];
    const child = spawn("nsenter", all, { stdio: ["pipe", "pipe", "inherit"] });
    children.push(child);
    return child;
  };
  const dispose = async (): Promise<void> => {
    for (const child of children) child.kill("SIGKILL");
    for (const name of spaces) ip("netns", "del", name);
    await machine.dispose();
  };
  const pods = Object.fromEntries(names.map((name, index) => [name, `10.42.0.${index + 11}`]));
  try {
    execFileSync("nsenter", [`--net=/run/netns/${node}`, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
    inNode(`route add 10.96.0.0/16 dev lo src ${machine.address}`);
    space("x");
    inNode(`link add lx type veth peer name eth0 netns ${netnsOf("x")}`);
    inNode("link set lx master up0 up");
    ip("-n", netnsOf("x"), "addr", "add", `${strangerAddress}/24`, "dev", "eth0");
    ip("-n", netnsOf("x"), "link", "set", "eth0", "up");
    ip("-n", netnsOf("x"), "route", "add", "default", "via", machine.address);
    for (const [name, address] of Object.entries(pods)) {
      space(name);
      inNode(`link add tr${name} type veth peer name eth0 netns ${netnsOf(name)}`);
      inNode(`addr add 169.254.1.1/32 dev tr${name}`);
      inNode(`link set tr${name} up`);
      inNode(`route add ${address}/32 dev tr${name}`);
      const inPod = (line: string): void => ip("-n", netnsOf(name), ...line.split(" "));
      inPod(`addr add ${address}/32 dev eth0`);
      inPod("link set eth0 up");
      inPod("route add 169.254.1.1 dev eth0 scope link");
      inPod("route add default via 169.254.1.1 dev eth0");
    }
    await Promise.all(
      names.map((name) => once(start(name, ["-e", serverScript, name, String(podPort)]).stdout!, "data")),
    );
  } catch (error) {
    await dispose();
    throw error;
  }
  const real = realExec();
  const enter = (file: string, args: readonly string[]): readonly string[] => [
    `--net=/run/netns/${node}`,
    file,
    ...args,
  ];
  return {
    machine,
    pods,
    exec: {
      run: (file, args, options) => real.run("nsenter", enter(file, args), options),
      start: (file, args, options) => real.start("nsenter", enter(file, args), options),
      detach: (file, args, options) => real.detach("nsenter", enter(file, args), options),
    },
    async ask(from, question) {
      const text = await outputOf(start(from, ["-e", clientScript, JSON.stringify(question)]));
      return JSON.parse(text) as readonly string[];
    },
    async storm(from, host, atLeast) {
      const child = start(from, ["-e", clientScript, JSON.stringify({ host, atLeast })]);
      await once(child.stdout!, "data");
      const rest = outputOf(child);
      return {
        async stop() {
          child.stdin!.end();
          return JSON.parse(await rest) as { count: number; failed: readonly string[] };
        },
      };
    },
    dispose,
  };
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout!.on("data", (part: Buffer) => (text += part.toString()));
  await once(child, "close");
  return text;
}
