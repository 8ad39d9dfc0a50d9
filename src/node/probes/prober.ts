import type { HostNet } from "../../env/host.ts";
import type { Container, HTTPGetAction, LifecycleHandler, Pod, Probe } from "../../kinds/generated/types.ts";
import { messageOf } from "../../util/errors.ts";
import type { Clock } from "../../env/env.ts";
import type { Cri } from "../cri/cri.ts";
import { CriError } from "../cri/cri.ts";
import type { HookCall, Hooks } from "../pods/ports.ts";
import { probeBodyMaxBytes } from "./limits.ts";

/** Does one probe or lifecycle hook: exec through the runtime, HTTP and TCP from the node. */
export interface ProbeCall {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly probe: Probe;
}

export interface ProbeAnswer {
  readonly kind: "success" | "failure";
  readonly message: string;
}

export interface Prober {
  /** Throws when the probe could not be done at all. */
  probe(call: ProbeCall): Promise<ProbeAnswer>;
}

export type GrpcHealth = (host: string, port: number, service: string, timeoutMs: number) => Promise<number>;

const statusNames = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const serving = 1;

export interface ProberOptions {
  readonly cri: Cri;
  readonly net: HostNet;
  readonly clock: Clock;
  /** The status of `grpc.health.v1.Health/Check`; rejects when nobody answers. */
  readonly health: GrpcHealth;
  /** `kube-probe/1.36`. */
  readonly userAgent: string;
}

export function createProber(options: ProberOptions): Prober & Hooks {
  const { clock, cri, net, userAgent } = options;

  return {
    async probe({ pod, container, containerId, probe }) {
      const timeoutMs = (probe.timeoutSeconds ?? 1) * 1_000;
      const podIp = pod.status?.podIP ?? "";
      if (probe.exec !== undefined) return exec(containerId, probe.exec.command ?? [], timeoutMs);
      if (probe.httpGet !== undefined) {
        return http(probe.httpGet, container, podIp, timeoutMs, "*/*");
      }
      if (probe.tcpSocket !== undefined) {
        const host = probe.tcpSocket.host ?? podIp;
        return tcp(host, portOf(probe.tcpSocket.port, container), timeoutMs);
      }
      if (probe.grpc !== undefined) {
        return grpc(podIp, probe.grpc.port, probe.grpc.service ?? "", timeoutMs);
      }
      return { kind: "success", message: "" };
    },

    async run({ container, containerId, handler, podIp, timeoutMs }: HookCall) {
      const answer = await hook(handler, container, containerId, podIp, timeoutMs);
      if (answer.kind === "failure") throw new Error(answer.message);
    },
  };

  async function hook(
    handler: LifecycleHandler,
    container: Container,
    containerId: string,
    podIp: string,
    timeoutMs: number,
  ): Promise<ProbeAnswer> {
    if (handler.exec !== undefined) return exec(containerId, handler.exec.command ?? [], timeoutMs);
    if (handler.httpGet !== undefined) {
      return http(handler.httpGet, container, podIp, timeoutMs || 30_000, "*/*");
    }
    if (handler.sleep !== undefined) {
      const { seconds } = handler.sleep;
      await new Promise<void>((resolve) => {
        clock.after(seconds * 1_000, resolve);
      });
    }
    return { kind: "success", message: "" };
  }

  async function exec(containerId: string, command: readonly string[], timeoutMs: number): Promise<ProbeAnswer> {
    const seconds = Math.ceil(timeoutMs / 1_000);
    try {
      const reply = await cri.execSync(containerId, command, seconds);
      const decoder = new TextDecoder();
      const output = decoder.decode(reply.stdout) + decoder.decode(reply.stderr);
      return { kind: reply.exitCode === 0 ? "success" : "failure", message: output };
    } catch (error) {
      if (error instanceof CriError && error.kind === "timeout") {
        const text = `command timed out: ${JSON.stringify(command.join(" "))} timed out after ${seconds}s`;
        return { kind: "failure", message: text };
      }
      throw error;
    }
  }

  async function http(
    action: HTTPGetAction,
    container: Container,
    podIp: string,
    timeoutMs: number,
    accept: string,
  ): Promise<ProbeAnswer> {
    const scheme = action.scheme?.toLowerCase() === "https" ? "https" : "http";
    const host = action.host === undefined || action.host === "" ? podIp : action.host;
    const port = portOf(action.port, container);
    const path = action.path === undefined || action.path === "" ? "/" : action.path;
    const own = (action.httpHeaders ?? []).map(({ name, value }) => [name, value] as const);
    const has = (name: string): boolean => own.some(([key]) => key.toLowerCase() === name);
    const headers = [
      ...own,
      ...(has("user-agent") ? [] : [["User-Agent", userAgent] as const]),
      ...(has("accept") ? [] : [["Accept", accept] as const]),
    ];
    const url = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
    try {
      const { status } = await net.httpGet({
        scheme,
        host,
        port,
        headers,
        timeoutMs,
        path: path.startsWith("/") ? path : `/${path}`,
        bodyLimit: probeBodyMaxBytes,
      });
      if (status >= 200 && status < 400) return { kind: "success", message: "" };
      return { kind: "failure", message: `HTTP probe failed with statuscode: ${status}` };
    } catch (error) {
      return {
        kind: "failure",
        message: `Get ${JSON.stringify(url)}: ${socketText(host, port, error) ?? messageOf(error)}`,
      };
    }
  }

  async function grpc(host: string, port: number, service: string, timeoutMs: number): Promise<ProbeAnswer> {
    try {
      const status = await options.health(host, port, service, timeoutMs);
      if (status === serving) return { kind: "success", message: "" };
      const text = `service unhealthy (responded with ${JSON.stringify(statusNames[status] ?? "UNKNOWN")})`;
      return { kind: "failure", message: text };
    } catch (error) {
      const text = `failed to connect grpc service ${JSON.stringify(`${host}:${port}`)}: ${messageOf(error)}`;
      return { kind: "failure", message: text };
    }
  }

  async function tcp(host: string, port: number, timeoutMs: number): Promise<ProbeAnswer> {
    try {
      await net.tcpConnect(host, port, timeoutMs);
      return { kind: "success", message: "" };
    } catch (error) {
      return {
        kind: "failure",
        message: socketText(host, port, error) ?? `dial tcp ${host}:${port}: ${messageOf(error)}`,
      };
    }
  }
}

/** Events show it: the words that users know from Kubernetes, not the system's code. */
function socketText(host: string, port: number, error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const words = socketWords[code];
  return words === undefined ? undefined : `dial tcp ${host}:${port}: connect: ${words}`;
}

const socketWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "connection timed out",
};

/** A number, its text, or the name of one of the container's ports. */
function portOf(port: number | string, container: Container): number {
  const number = Number(port);
  if (Number.isInteger(number)) return number;
  const named = (container.ports ?? []).find(({ name }) => name === port);
  if (named === undefined) throw new Error(`couldn't find port: ${String(port)}`);
  return named.containerPort;
}
