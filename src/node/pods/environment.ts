import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from "../../kinds/generated/types.ts";
import { decodeBase64 } from "../../util/base64.ts";
import { quantityNanos } from "../../util/quantity.ts";

/**
 * The environment of a container: service variables, then envFrom, then env; later ones win.
 * Missing ConfigMaps, Secrets and keys throw `ConfigError`, whose text becomes the message of
 * `CreateContainerConfigError`.
 */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

export interface EnvironmentFacts {
  readonly pod: Pod;
  readonly container: Container;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly nodeName: string;
  readonly allocatable: Readonly<Record<string, string>>;
  /** Of the pod's namespace, plus `kubernetes` of `default`. */
  readonly services: readonly Service[];
  readonly configMap: (name: string) => ConfigMap | undefined;
  readonly secret: (name: string) => Secret | undefined;
}

export function containerEnvironment(facts: EnvironmentFacts): ReadonlyMap<string, string> {
  const services = serviceVariables(facts);
  const result = new Map<string, string>();
  for (const source of facts.container.envFrom ?? []) {
    for (const [key, value] of fromSource(facts, source)) {
      result.set(`${source.prefix ?? ""}${key}`, value);
    }
  }
  for (const variable of facts.container.env ?? []) {
    const value = valueOf(facts, variable, (name) => result.get(name) ?? services.get(name));
    if (value !== undefined) result.set(variable.name, value);
  }
  const all = new Map(services);
  for (const [name, value] of result) all.set(name, value);
  return all;
}

/** Shorter values stand in too many texts by chance. */
const hiddenCharsMin = 4;

/**
 * A text without the values that the container has from Secrets: what the runtime says of a command that
 * cannot be run holds the command as it was expanded, and goes into Events and the status.
 */
export function withoutSecrets(
  text: string,
  { container, secret }: Pick<EnvironmentFacts, "container" | "secret">,
): string {
  const references = [
    ...(container.env ?? []).map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ...(container.envFrom ?? []).map(({ secretRef }) => secretRef?.name),
  ];
  const names = new Set(references.filter((name) => name !== undefined));
  const values = [...names].flatMap((name) => Object.values(secret(name)?.data ?? {}).map(textOf));
  // A value that holds another one is hidden whole.
  const hidden = values.filter((value) => value.length >= hiddenCharsMin).toSorted((a, b) => b.length - a.length);
  return hidden.reduce((shown, value) => shown.replaceAll(value, () => "<secret>"), text);
}

/** `$(NAME)` becomes the value, `$$(NAME)` becomes `$(NAME)`, unknown names stay as they are. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (whole === "$$") return "$";
    return lookup(name ?? "") ?? whole;
  });
}

/** As `expand`, but every name must be known (subPathExpr). */
export function expandStrict(text: string, lookup: (name: string) => string | undefined): string {
  const missing: string[] = [];
  const expanded = expand(text, (name) => {
    const value = lookup(name);
    if (value === undefined) missing.push(name);
    return value;
  });
  if (missing.length > 0) {
    throw new ConfigError(`missing value for "${missing[0]}"`);
  }
  return expanded;
}

function valueOf(
  facts: EnvironmentFacts,
  variable: EnvVar,
  lookup: (name: string) => string | undefined,
): string | undefined {
  const from = variable.valueFrom;
  if (from === undefined) return expand(variable.value ?? "", lookup);
  if (from.fieldRef !== undefined) return fieldValue(facts, from.fieldRef.fieldPath);
  if (from.resourceFieldRef !== undefined) {
    return resourceValue(facts, from.resourceFieldRef, facts.container);
  }
  const namespace = facts.pod.metadata.namespace ?? "";
  if (from.configMapKeyRef !== undefined) {
    const { name = "", key, optional } = from.configMapKeyRef;
    const map = facts.configMap(name);
    if (map === undefined) return missing(optional, `configmap "${name}" not found`);
    return map.data?.[key] ?? missing(optional, `couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
  }
  if (from.secretKeyRef !== undefined) {
    const { name = "", key, optional } = from.secretKeyRef;
    const secret = facts.secret(name);
    if (secret === undefined) return missing(optional, `secret "${name}" not found`);
    const value = secret.data?.[key];
    if (value === undefined) {
      return missing(optional, `couldn't find key ${key} in Secret ${namespace}/${name}`);
    }
    return textOf(value);
  }
  return undefined;
}

function missing(optional: boolean | undefined, message: string): undefined {
  if (optional !== true) throw new ConfigError(message);
  return undefined;
}

function textOf(base64: string): string {
  return new TextDecoder().decode(decodeBase64(base64) ?? new Uint8Array());
}

function fromSource(
  facts: EnvironmentFacts,
  source: NonNullable<Container["envFrom"]>[number],
): readonly (readonly [string, string])[] {
  if (source.configMapRef !== undefined) {
    const { name = "", optional } = source.configMapRef;
    const map = facts.configMap(name);
    if (map === undefined) missing(optional, `configmap "${name}" not found`);
    return Object.entries(map?.data ?? {});
  }
  if (source.secretRef !== undefined) {
    const { name = "", optional } = source.secretRef;
    const secret = facts.secret(name);
    if (secret === undefined) missing(optional, `secret "${name}" not found`);
    return Object.entries(secret?.data ?? {}).map(([key, value]) => [key, textOf(value)]);
  }
  return [];
}

export type FieldFacts = Pick<EnvironmentFacts, "pod" | "podIps" | "hostIps" | "nodeName">;

/** The downward API's fields. */
export function fieldValue(facts: FieldFacts, path: string): string {
  const { pod } = facts;
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed !== null) return pod.metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2]!] ?? "";
  switch (path) {
    case "metadata.name":
      return pod.metadata.name;
    case "metadata.namespace":
      return pod.metadata.namespace ?? "";
    case "metadata.uid":
      return pod.metadata.uid;
    case "metadata.labels":
      return formatMap(pod.metadata.labels ?? {});
    case "metadata.annotations":
      return formatMap(pod.metadata.annotations ?? {});
    case "spec.nodeName":
      return pod.spec.nodeName ?? facts.nodeName;
    case "spec.serviceAccountName":
      return pod.spec.serviceAccountName ?? "";
    case "status.hostIP":
      return facts.hostIps[0] ?? "";
    case "status.hostIPs":
      return facts.hostIps.join(",");
    case "status.podIP":
      return facts.podIps[0] ?? "";
    case "status.podIPs":
      return facts.podIps.join(",");
    default:
      throw new ConfigError(`unsupported fieldPath: ${path}`);
  }
}

/** `key="value"` a line, sorted: the form of downward API files. */
function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .toSorted()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join("\n");
}

/** A limit that is not set is the node's; divided by `divisor`, rounded up. */
export function resourceValue(
  facts: Pick<EnvironmentFacts, "pod" | "allocatable">,
  selector: { readonly containerName?: string; readonly resource: string; readonly divisor?: string },
  self: Container | undefined,
): string {
  const named = selector.containerName ?? "";
  const container =
    named === ""
      ? self
      : [...facts.pod.spec.containers, ...(facts.pod.spec.initContainers ?? [])].find(({ name }) => name === named);
  if (container === undefined) throw new ConfigError(`container ${named} not found`);
  const [of, ...rest] = selector.resource.split(".");
  const resource = rest.join(".");
  const amounts = container.resources;
  const set = of === "limits" ? amounts?.limits?.[resource] : amounts?.requests?.[resource];
  const fallback = of === "limits" ? facts.allocatable[resource] : undefined;
  const nanos = quantityNanos(set ?? fallback);
  const divisor = quantityNanos(selector.divisor ?? "1") || 1_000_000_000n;
  return String((nanos + divisor - 1n) / divisor);
}

/** `X_SERVICE_HOST`, `X_SERVICE_PORT[_NAME]` and the older link variables; headless ones have none. */
function serviceVariables(facts: EnvironmentFacts): Map<string, string> {
  const links = facts.pod.spec.enableServiceLinks !== false;
  const own = facts.pod.metadata.namespace ?? "";
  const variables = new Map<string, string>();
  const byName = new Map<string, Service>();
  for (const service of facts.services) {
    const { name, namespace } = service.metadata;
    const master = namespace === "default" && name === "kubernetes";
    const ip = service.spec.clusterIP ?? "";
    if (ip === "" || ip === "None" || (!master && (!links || namespace !== own))) continue;
    if (namespace === own || !byName.has(name)) byName.set(name, service);
  }
  for (const name of [...byName.keys()].toSorted()) addService(variables, byName.get(name)!);
  return variables;
}

function addService(variables: Map<string, string>, service: Service): void {
  const prefix = service.metadata.name.toUpperCase().replaceAll("-", "_");
  const host = service.spec.clusterIP ?? "";
  const address = host.includes(":") ? `[${host}]` : host;
  const ports = service.spec.ports ?? [];
  const [first] = ports;
  variables.set(`${prefix}_SERVICE_HOST`, host);
  if (first === undefined) return;
  variables.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const { name, port } of ports) {
    if (name !== undefined && name !== "") {
      const suffix = name.toUpperCase().replaceAll("-", "_");
      variables.set(`${prefix}_SERVICE_PORT_${suffix}`, String(port));
    }
  }
  for (const [index, { port, protocol = "TCP" }] of ports.entries()) {
    const scheme = protocol.toLowerCase();
    const url = `${scheme}://${address}:${port}`;
    if (index === 0) variables.set(`${prefix}_PORT`, url);
    const base = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    variables.set(base, url);
    variables.set(`${base}_PROTO`, scheme);
    variables.set(`${base}_PORT`, String(port));
    variables.set(`${base}_ADDR`, host);
  }
}
