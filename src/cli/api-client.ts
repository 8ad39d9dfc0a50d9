/** The few requests that the command line itself makes; everything else is kubectl's. */
import type { IncomingMessage } from "node:http";
import { request } from "node:https";

export interface ApiAccess {
  readonly host: string;
  readonly port: number;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Rejects when nobody answers; a refusal is an answer. */
export function get(access: ApiAccess, path: string, timeoutMs = 5_000): Promise<Answer> {
  return send(access, "GET", path, timeoutMs);
}

/** A request without a body. */
export function send(access: ApiAccess, method: "GET" | "POST", path: string, timeoutMs = 5_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: access.host,
        port: access.port,
        method,
        path,
        ca: access.authority,
        cert: access.certificate,
        key: access.key,
        agent: false,
        timeout: timeoutMs,
        headers: { accept: "application/json" },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      },
    );
    sent.on("timeout", () =>
      sent.destroy(new Error(`no answer from ${access.host}:${access.port} in ${timeoutMs} ms`)),
    );
    sent.on("error", reject);
    sent.end();
  });
}

export interface JsonCall {
  readonly host: string;
  readonly port: number;
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: object;
  readonly bearer?: string;
  /** Whom to believe; undefined: nobody is checked, for what is checked by other means. */
  readonly authority: string | undefined;
  /** Client certificate and key. */
  readonly identity?: { readonly certificate: string; readonly key: string };
  readonly timeoutMs?: number;
}

/** A request with a JSON body. The other end is the cluster's, whatever name or address it is reached by. */
export function callJson(call: JsonCall): Promise<Answer> {
  const { host, port, method, path, body, bearer, authority, identity, timeoutMs = 10_000 } = call;
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host,
        port,
        method,
        path,
        ...(authority === undefined ? { rejectUnauthorized: false } : { ca: authority }),
        ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
        servername: "kubernetes",
        agent: false,
        timeout: timeoutMs,
        headers: {
          accept: "application/json",
          ...(bytes === undefined ? {} : { "content-type": "application/json", "content-length": bytes.length }),
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      },
    );
    sent.on("timeout", () => sent.destroy(new Error(`no answer from ${host}:${port} in ${timeoutMs} ms`)));
    sent.on("error", reject);
    sent.end(bytes);
  });
}

/** The body as it comes; a refusal's body is read and told. Rejects when nobody answers. */
export function download(access: ApiAccess, path: string, timeoutMs = 30_000): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { host, port, authority: ca, certificate: cert, key } = access;
    const sent = request({ host, port, path, ca, cert, key, agent: false, timeout: timeoutMs }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => reject(new Error(`${response.statusCode}: ${Buffer.concat(chunks).toString().trim()}`)));
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer from ${host}:${port} in ${timeoutMs} ms`)));
    sent.on("error", reject);
    sent.end();
  });
}
