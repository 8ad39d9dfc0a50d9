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
