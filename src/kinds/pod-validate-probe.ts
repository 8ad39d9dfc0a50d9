import { portName } from "../util/names.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Container, HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from "./generated/types.ts";
import { negativeText, oneOf, rangeText, type PodContext } from "./pod-validate-context.ts";

/** Probes and lifecycle hooks of containers. */

export function validateLifecycle(context: PodContext, path: string, lifecycle: Lifecycle): void {
  for (const name of ["postStart", "preStop"] as const) {
    const handler = lifecycle[name];
    if (handler !== undefined) validateHandler(context, `${path}.${name}`, handler);
  }
}

/** Liveness, readiness and startup probes. `path` is the container's. */
export function validateProbes(context: PodContext, path: string, container: Container): void {
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const probe = container[name];
    if (probe === undefined) continue;
    const here = `${path}.${name}`;
    validateProbe(context, here, probe);
    if (name !== "readinessProbe" && probe.successThreshold !== 1) {
      context.errors.invalid(`${here}.successThreshold`, probe.successThreshold ?? 0, "must be 1");
    }
    if (name === "readinessProbe" && probe.terminationGracePeriodSeconds !== undefined) {
      const seconds = probe.terminationGracePeriodSeconds;
      context.errors.invalid(`${here}.terminationGracePeriodSeconds`, seconds, "must not be set for readinessProbes");
    }
  }
}

function validateProbe(context: PodContext, path: string, probe: Probe): void {
  const { errors } = context;
  validateHandler(context, path, probe);
  const numbers = [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const;
  for (const name of numbers) {
    const value = probe[name] ?? 0;
    if (value < 0) errors.invalid(`${path}.${name}`, value, negativeText);
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    errors.invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0");
  }
}

type Handler = Probe & LifecycleHandler;

const handlers = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;

function validateHandler(context: PodContext, path: string, handler: Handler): void {
  const { errors } = context;
  let found = 0;
  for (const name of handlers) {
    if (handler[name] === undefined) continue;
    found += 1;
    if (found > 1) errors.forbidden(`${path}.${name}`, "may not specify more than 1 handler type");
    else validateAction(context, path, name, handler);
  }
  if (found === 0) errors.required(path, "must specify a handler type");
}

function validateAction(context: PodContext, path: string, name: (typeof handlers)[number], handler: Handler): void {
  const { errors } = context;
  const here = `${path}.${name}`;
  switch (name) {
    case "exec":
      if ((handler.exec?.command ?? []).length === 0) errors.required(`${here}.command`);
      return;
    case "httpGet":
      if (handler.httpGet !== undefined) validateHttpGet(errors, here, handler.httpGet);
      return;
    case "tcpSocket":
      validatePort(errors, `${here}.port`, handler.tcpSocket?.port ?? 0);
      return;
    case "grpc":
      validatePort(errors, `${here}.port`, handler.grpc?.port ?? 0);
      return;
    case "sleep": {
      const seconds = handler.sleep?.seconds ?? 0;
      const grace = context.spec.terminationGracePeriodSeconds ?? 0;
      if (seconds >= 0 && seconds <= grace) return;
      const text = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
      errors.invalid(here, seconds, text);
    }
  }
}

function validateHttpGet(errors: FieldErrors, path: string, action: HTTPGetAction): void {
  if ((action.path ?? "") === "") errors.required(`${path}.path`);
  validatePort(errors, `${path}.port`, action.port);
  oneOf(errors, `${path}.scheme`, action.scheme, ["HTTP", "HTTPS"]);
  for (const { name } of action.httpHeaders ?? []) {
    if (/^[-A-Za-z0-9]+$/.test(name)) continue;
    errors.invalid(
      `${path}.httpHeaders`,
      name,
      "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
    );
  }
}

/** A port by number, or by the name that a container gave it. */
export function validatePort(errors: FieldErrors, path: string, port: number | string): void {
  if (typeof port === "string") invalidEach(errors, path, port, portName(port));
  else if (port < 1 || port > 65_535) errors.invalid(path, port, rangeText(1, 65_535));
}
