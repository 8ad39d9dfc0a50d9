/** A small client over HTTPS with the certificates of a kubeconfig: requests, and a watch by lines. */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { createSecureContext } from "node:tls";
import { parse } from "yaml";

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface RestClient {
  /** Rejects when no whole answer comes. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** On a connection of its own: others that are kept may be broken as well, and not yet known to be. */
  callAnew(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Resolves when the stream ends, however; each line goes to `onEvent` as JSON. */
  watch(path: string, onEvent: (event: WatchLine) => void, signal: AbortSignal): Promise<void>;
}

export interface WatchLine {
  readonly type: string;
  readonly object: Readonly<Record<string, unknown>>;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

export interface RestClientOptions {
  /** Another one than the kubeconfig names, on the same host. */
  readonly port?: number;
  /** Of one question. */
  readonly timeoutMs?: number;
}

const timeoutDefaultMs = 15_000;

export function createRestClient(kubeconfig: string, options: RestClientOptions = {}): RestClient {
  const { port, timeoutMs = timeoutDefaultMs } = options;
  const config = parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
  const { cluster } = config.clusters[0]!;
  const { user } = config.users[0]!;
  const server = new URL(cluster["server"]!);
  const inline = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64");
  const tls = {
    host: server.hostname,
    port: port ?? Number(server.port),
    // Made once: it takes milliseconds, and a test shares its processors with the cluster whose times it takes.
    secureContext: createSecureContext({
      ca: inline(cluster["certificate-authority-data"]),
      cert: inline(user["client-certificate-data"]),
      key: inline(user["client-key-data"]),
    }),
  };
  const kept = new Agent({ keepAlive: true });
  const call = (agent: Agent | false, method: string, path: string, body: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const asked = request({ ...tls, agent, method, path, headers, timeout: timeoutMs }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => (text += part));
        answer.once("error", reject);
        answer.once("end", () => {
          if (!answer.complete) return reject(new Error("the answer was cut off"));
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as Answer["body"] });
        });
      });
      asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
      asked.once("error", reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return {
    call: (method, path, body) => call(kept, method, path, body),
    callAnew: (method, path, body) => call(false, method, path, body),
    watch: (path, onEvent, signal) =>
      new Promise((resolve) => {
        const asked = request({ ...tls, agent: false, path, signal }, (answer) => {
          let rest = "";
          answer.setEncoding("utf8");
          answer.on("data", (part: string) => {
            const lines = (rest + part).split("\n");
            // The server's death may cut the last line in half: it is told again after the resumption.
            rest = lines.pop() ?? "";
            for (const line of lines) {
              const said = JSON.parse(line) as WatchLine | WatchLine["object"];
              // Refused: by a master that comes or goes, which is no news, or for what was asked.
              if (answer.statusCode === 200) onEvent(said as WatchLine);
              else if (Number(answer.statusCode) < 500) onEvent({ type: "ERROR", object: said as WatchLine["object"] });
            }
          });
          answer.once("error", () => resolve());
          answer.once("close", resolve);
        });
        asked.once("error", () => resolve());
        asked.end();
      }),
  };
}
