// exec, attach, cp and port-forward with stock kubectl of every way to stream: SPDY alone (1.27), SPDY
// beside WebSockets (1.29 and 1.30), WebSockets (1.31 on), and what 1.33 falls back to.
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import {
  createMachine,
  isRoot,
  kubectls,
  sizeOfTerminal,
  until,
  type Machine,
  type Ran,
  type RunOptions,
} from "./support/machine.ts";

const clients = kubectls()
  .filter(({ version }) => ["1.27", "1.29", "1.30", "1.31", "1.33"].includes(version))
  .map((client) => ({ ...client, env: {} as Readonly<Record<string, string>> }));
const newest = clients.at(-1);
if (newest !== undefined) {
  const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" };
  clients.push({ ...newest, version: `${newest.version} without WebSockets`, env });
}
const canRun = isRoot && newest !== undefined;
const serial = canRun ? test.serial : test.serial.skip;

const image = "localhost/troupe/busybox:1";
const pod = "talker";
let machine: Machine;

test.before(async () => {
  if (!canRun) return;
  machine = createMachine({ kubectl: newest.path });
  const name = `st${process.pid % 10_000}`;
  const ran = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "d"));
  if (ran.code !== 0) throw new Error(ran.stderr);
  const script =
    "mkdir -p /tmp/w; echo served > /tmp/w/index.html; httpd -p 8080 -h /tmp/w; " +
    "trap 'exit 0' TERM; i=0; while true; do echo line $i; i=$((i+1)); sleep 0.2 & wait; done";
  await machine.kubectl("run", pod, `--image=${image}`, "--command", "--", "sh", "-c", script);
  await machine.kubectl("wait", `pod/${pod}`, "--for=condition=Ready", "--timeout=60s");
  const asked = ["exec", pod, "--", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"];
  await until("it serves", async () => (await machine.kubectl(...asked)) === "served\n");
});
test.after.always(async () => {
  if (canRun) await machine.dispose();
});

for (const client of clients) {
  const run = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    machine.run(client.path, args, { ...options, env: { ...client.env, ...options.env } });

  serial(
    `kubectl ${client.version}: exec tells output, errors and the exit code, and feeds stdin to its end`,
    async (t) => {
      const failed = await run(["exec", pod, "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
      t.deepEqual(failed, { code: 7, stdout: "out\n", stderr: "err\ncommand terminated with exit code 7\n" });
      const fed = await run(["exec", "-i", pod, "--", "wc", "-c"], { input: "x".repeat(3_000_000) });
      t.deepEqual(fed, { code: 0, stdout: "3000000\n", stderr: "" });
      const none = await run(["exec", pod, "--", "nonesuch"]);
      t.not(none.code, 0);
      t.regex(none.stderr, /executable file not found in \$PATH/);
      const missing = await run(["exec", "nobody", "--", "true"]);
      t.regex(missing.stderr, /pods "nobody" not found/);
    },
  );

  serial(`kubectl ${client.version}: a terminal has the client's size`, async (t) => {
    const command = `${client.path} exec -it ${pod} -- sh -c '${sizeOfTerminal("33 99")}'`;
    const terminal = await machine.run("script", ["-qec", `stty rows 33 cols 99; ${command}`, "/dev/null"], {
      env: client.env,
    });
    t.regex(terminal.stdout, /\/dev\/pts\/\d+\r\n[^]*33 99\r\n$/);
  });

  serial(`kubectl ${client.version}: much output arrives whole`, async (t) => {
    const command = `${client.path} exec ${pod} -- head -c 40000000 /dev/zero | wc -c`;
    const ran = await machine.run("sh", ["-c", command], { env: client.env });
    t.is(ran.stdout.trim(), "40000000", ran.stderr);
  });

  serial(`kubectl ${client.version}: cp there and back`, async (t) => {
    const file = join(machine.folder, "random");
    const content = randomBytes(5_000_000);
    writeFileSync(file, content);
    const there = await run(["cp", file, `${pod}:/tmp/there`]);
    t.is(there.code, 0, there.stderr);
    const back = await run(["cp", `${pod}:/tmp/there`, `${file}.back`]);
    t.is(back.code, 0, back.stderr);
    t.true(readFileSync(`${file}.back`).equals(content));
  });

  serial(`kubectl ${client.version}: attach hears what is said from now on`, async (t) => {
    const child = machine.start("env", [...settings(client.env), client.path, "attach", pod]);
    try {
      let text = "";
      child.stdout?.on("data", (bytes: Buffer) => (text += bytes.toString()));
      await until("three lines", async () => text.split("\n").length > 3);
      // The first line was said when the container began: attach repeats nothing.
      t.regex(text, /^(line \d+\n){3}/);
      t.notRegex(text, /^line 0$/m);
    } finally {
      child.kill("SIGKILL");
    }
  });

  serial(
    `kubectl ${client.version}: port-forward carries connections at once, and says which port nobody serves`,
    async (t) => {
      const args = ["port-forward", pod, ":8080", ":9999"];
      const child = machine.start("env", [...settings(client.env), client.path, ...args]);
      try {
        let text = "";
        child.stdout?.on("data", (bytes: Buffer) => (text += bytes.toString()));
        child.stderr?.on("data", (bytes: Buffer) => (text += bytes.toString()));
        const portOf = (port: number): string | undefined =>
          new RegExp(`127\\.0\\.0\\.1:(\\d+) -> ${port}`).exec(text)?.[1];
        await until("both ports", async () => portOf(8080) !== undefined && portOf(9999) !== undefined);
        await fetches(t, portOf(8080)!, 30);
        const refused = await machine.run("busybox", ["wget", "-q", "-O", "-", `http://127.0.0.1:${portOf(9999)}/`], {
          timeoutMs: 20_000,
        });
        t.not(refused.code, 0);
        await until("the reason", async () => /error forwarding port 9999 to pod .*refused/.test(text));
      } finally {
        child.kill("SIGKILL");
      }
    },
  );
}

const settings = (env: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(env).map(([name, value]) => `${name}=${value}`);

async function fetches(t: ExecutionContext, port: string, count: number): Promise<void> {
  const url = `http://127.0.0.1:${port}/`;
  const script = `for i in $(seq ${count}); do busybox wget -q -O - ${url} & done; wait`;
  const ran = await machine.run("sh", ["-c", script]);
  t.is(ran.stdout, "served\n".repeat(count), ran.stderr);
}
