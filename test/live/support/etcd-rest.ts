/**
 * Debian's etcd behind the questions that the ledger's clients ask a master: a namespace's ConfigMaps are keys, a
 * resource version is etcd's revision. So that what judges us judges etcd first: a judge that finds etcd wrong is
 * wrong itself. Over its JSON gateway.
 */
import { Agent, request } from "node:http";
import type { Answer, RestClient, WatchLine } from "./rest-client.ts";

interface Pair {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
  readonly version?: string;
}

interface Ranged {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly Pair[];
  readonly deleted?: string;
}

interface Watched {
  readonly result?: {
    readonly events?: readonly { readonly type?: string; readonly kv: Pair; readonly prev_kv?: Pair }[];
  };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const plain = (text: string | undefined): string => Buffer.from(text ?? "", "base64").toString();
/** Everything below a folder: up to the folder with its last byte one higher. */
const endOf = (folder: string): string => `${folder}0`;
const prefixOf = (folder: string): string => `${folder}/`;
const nameOf = (key: string): string => key.slice(key.lastIndexOf("/") + 1);

const objectOf = ({ key, value }: Pair, revision: string): Readonly<Record<string, unknown>> => ({
  metadata: { name: nameOf(plain(key)), resourceVersion: revision },
  data: { v: plain(value) },
});

export function createEtcdRest(host: string, timeoutMs: number): RestClient {
  const kept = new Agent({ keepAlive: true });
  const ask = (agent: Agent | false, path: string, body: object): Promise<Ranged> =>
    new Promise((resolve, reject) => {
      const asked = request({ host, port: 2_379, path, method: "POST", agent, timeout: timeoutMs }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => (text += part));
        answer.once("error", reject);
        answer.once("end", () => {
          if (answer.statusCode === 200) resolve(JSON.parse(text) as Ranged);
          else reject(new Error(text));
        });
      });
      asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
      asked.once("error", reject);
      asked.end(JSON.stringify(body));
    });
  const call = async (agent: Agent | false, method: string, path: string, body: unknown): Promise<Answer> => {
    const isFolder = path.endsWith("/configmaps");
    if (path === "/api/v1/namespaces") return { status: 201, body: {} };
    if (method === "GET") return read(await ask(agent, "/v3/kv/range", rangeOf(path, isFolder)), isFolder);
    if (method === "DELETE") {
      const { deleted = "0" } = await ask(agent, "/v3/kv/deleterange", { key: base64(path) });
      return { status: deleted === "0" ? 404 : 200, body: {} };
    }
    const object = body as { readonly metadata: { readonly name: string }; readonly data?: { readonly v: string } };
    const key = isFolder ? prefixOf(path) + object.metadata.name : path;
    const { header } = await ask(agent, "/v3/kv/put", { key: base64(key), value: base64(object.data?.v ?? "") });
    return { status: 200, body: { metadata: { resourceVersion: header.revision } } };
  };
  return {
    call: (method, path, body) => call(kept, method, path, body),
    callAnew: (method, path, body) => call(false, method, path, body),
    watch(path, onEvent, signal) {
      const [folder = "", query] = path.split("?");
      const from = Number(new URLSearchParams(query).get("resourceVersion")) + 1;
      const range = { key: base64(prefixOf(folder)), range_end: base64(endOf(folder)) };
      const wanted = { create_request: { ...range, start_revision: String(from), prev_kv: true } };
      return new Promise((resolve) => {
        const asked = request(
          { host, port: 2_379, path: "/v3/watch", method: "POST", agent: false, signal },
          (answer) => {
            let rest = "";
            answer.setEncoding("utf8");
            answer.on("data", (part: string) => {
              const lines = (rest + part).split("\n");
              rest = lines.pop() ?? "";
              for (const line of lines) for (const event of eventsOf(line)) onEvent(event);
            });
            answer.once("error", () => resolve());
            answer.once("close", resolve);
          },
        );
        asked.once("error", () => resolve());
        asked.end(JSON.stringify(wanted));
      });
    },
  };
}

function rangeOf(path: string, isFolder: boolean): object {
  return isFolder ? { key: base64(prefixOf(path)), range_end: base64(endOf(path)) } : { key: base64(path) };
}

function read({ header, kvs = [] }: Ranged, isFolder: boolean): Answer {
  const items = kvs.map((pair) => objectOf(pair, pair.mod_revision));
  if (isFolder) return { status: 200, body: { metadata: { resourceVersion: header.revision }, items } };
  return items[0] === undefined ? { status: 404, body: {} } : { status: 200, body: items[0] };
}

function eventsOf(line: string): readonly WatchLine[] {
  const { result } = JSON.parse(line) as Watched;
  return (result?.events ?? []).map(({ type, kv, prev_kv }) => {
    // A deletion tells the last object, as ours does.
    if (type === "DELETE") return { type: "DELETED", object: objectOf(prev_kv ?? kv, kv.mod_revision) };
    return { type: kv.version === "1" ? "ADDED" : "MODIFIED", object: objectOf(kv, kv.mod_revision) };
  });
}
