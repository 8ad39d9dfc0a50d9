import { cidrProblems, endpointIpProblems, ipProblems, parseIp } from "../util/ip.ts";
import { dnsLabel, dnsSubdomain, qualifiedName } from "../util/names.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Service, ServicePort, ServiceSpec } from "./generated/types.ts";
import { immutableText, validateLabels } from "./metadata.ts";
import { protocols } from "./pod-validate-container.ts";
import { oneOf, rangeText } from "./pod-validate-context.ts";
import { validatePort } from "./pod-validate-probe.ts";
import { validateClusterIPs, validateClusterIPsUpdate } from "./service-families.ts";

/** Rules of Services, after addresses and ports were given. */

export function validateService(service: Service, errors: FieldErrors): void {
  validateWhole(errors, service, undefined);
}

export function validateServiceUpdate(service: Service, old: Service, errors: FieldErrors): void {
  validateClusterIPsUpdate(errors, service, old);
  const { spec } = service;
  const before = old.spec;
  const lasting = before.type === "LoadBalancer" && spec.type === "LoadBalancer";
  if (lasting && before.loadBalancerClass !== spec.loadBalancerClass) {
    errors.invalid("spec.loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set");
  }
  const health = before.healthCheckNodePort ?? 0;
  const keeps = needsHealth(before) && needsHealth(spec);
  if (keeps && health !== 0 && health !== (spec.healthCheckNodePort ?? 0)) {
    errors.forbidden("spec.healthCheckNodePort", immutableText);
  }
  validateWhole(errors, service, old);
}

function needsHealth(spec: ServiceSpec): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}

function validateWhole(errors: FieldErrors, service: Service, old: Service | undefined): void {
  const { spec } = service;
  const headless = spec.clusterIPs?.[0] === "None" || spec.clusterIP === "None";
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !headless && spec.type !== "ExternalName") errors.required("spec.ports");
  validateByType(errors, spec, headless);
  validatePorts(errors, ports);
  validateLabels(errors, "spec.selector", spec.selector);
  validateAffinity(errors, spec);
  if (spec.type !== "ExternalName") validateClusterIPs(errors, service, old);
  const known = new Set(old?.spec.externalIPs ?? []);
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    if (known.has(ip)) continue;
    const problems = ipProblems(ip);
    invalidEach(errors, `spec.externalIPs[${index}]`, ip, problems);
    if (problems.length === 0) {
      invalidEach(errors, `spec.externalIPs[${index}]`, ip, endpointIpProblems(ip));
    }
  }
  const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
  oneOf(errors, "spec.type", spec.type, types);
  validatePortPairs(errors, spec);
  validateBalancer(errors, spec);
  validateTraffic(errors, spec);
  validateServiceStatus(errors, service);
}

function validateByType(errors: FieldErrors, spec: ServiceSpec, headless: boolean): void {
  if ((spec.type === "LoadBalancer" || spec.type === "NodePort") && headless) {
    const text = `may not be set to 'None' for ${spec.type} services`;
    errors.invalid("spec.clusterIPs[0]", "None", text);
  }
  if (spec.type !== "ExternalName") return;
  const text = "may not be set for ExternalName services";
  for (const name of ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] as const) {
    if (spec[name] !== undefined) errors.forbidden(`spec.${name}`, text);
  }
  if (spec.clusterIPs === undefined && (spec.clusterIP ?? "") !== "") errors.forbidden("spec.clusterIPs", text);
  const target = (spec.externalName ?? "").replace(/\.$/, "");
  if (target === "") errors.required("spec.externalName");
  else invalidEach(errors, "spec.externalName", target, dnsSubdomain(target));
}

function validatePorts(errors: FieldErrors, ports: readonly ServicePort[]): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const path = `spec.ports[${index}]`;
    const name = port.name ?? "";
    if (name === "") {
      if (ports.length > 1) errors.required(`${path}.name`);
    } else {
      invalidEach(errors, `${path}.name`, name, dnsLabel(name));
      if (names.has(name)) errors.duplicate(`${path}.name`, name);
      names.add(name);
    }
    if (port.port < 1 || port.port > 65_535) {
      errors.invalid(`${path}.port`, port.port, rangeText(1, 65_535));
    }
    oneOf(errors, `${path}.protocol`, port.protocol, protocols);
    validatePort(errors, `${path}.targetPort`, port.targetPort ?? 0);
    if (port.appProtocol !== undefined) {
      invalidEach(errors, `${path}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol));
    }
  }
}

/** A day, in seconds. */
const affinitySecondsMax = 86_400;

function validateAffinity(errors: FieldErrors, spec: ServiceSpec): void {
  oneOf(errors, "spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"]);
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP") {
    const seconds = config?.clientIP?.timeoutSeconds ?? 0;
    if (seconds > 0 && seconds <= affinitySecondsMax) return;
    const path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    errors.invalid(path, seconds, `must be greater than 0 and less than ${affinitySecondsMax}`);
  } else if (spec.sessionAffinity === "None" && config !== undefined) {
    errors.forbidden("spec.sessionAffinityConfig", "must not be set when session affinity is None");
  }
}

/** The pairs of protocol and port, and of protocol and node port, stand once each. */
function validatePortPairs(errors: FieldErrors, spec: ServiceSpec): void {
  const ports = spec.ports ?? [];
  if (spec.type === "ClusterIP") {
    for (const [index, port] of ports.entries()) {
      if ((port.nodePort ?? 0) === 0) continue;
      const text = "may not be used when `type` is 'ClusterIP'";
      errors.forbidden(`spec.ports[${index}].nodePort`, text);
    }
  }
  const nodePorts = new Set<string>();
  for (const [index, { nodePort = 0, protocol }] of ports.entries()) {
    if (nodePort === 0) continue;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.duplicate(`spec.ports[${index}].nodePort`, nodePort);
    nodePorts.add(key);
  }
  const pairs = new Set<string>();
  for (const [index, { port, protocol = "" }] of ports.entries()) {
    const key = `${protocol}/${port}`;
    // Kubernetes shows a port of its own making here, as a Go struct.
    const shown = { Name: "", Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
    if (pairs.has(key)) errors.duplicate(`spec.ports[${index}]`, shown);
    pairs.add(key);
  }
}

const balancerOnly = "may only be used when `type` is 'LoadBalancer'";

function validateBalancer(errors: FieldErrors, spec: ServiceSpec): void {
  const balanced = spec.type === "LoadBalancer";
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0) {
    // Sic: Kubernetes writes this path with a capital letter.
    if (!balanced) errors.forbidden("spec.LoadBalancerSourceRanges", balancerOnly);
    for (const [index, range] of ranges.entries()) {
      const problems = cidrProblems(range.trim());
      invalidEach(errors, `spec.LoadBalancerSourceRanges[${index}]`, range, problems);
    }
  }
  if (!balanced && spec.allocateLoadBalancerNodePorts !== undefined) {
    errors.forbidden("spec.allocateLoadBalancerNodePorts", balancerOnly);
  }
  if (spec.loadBalancerClass === undefined) return;
  if (!balanced) errors.forbidden("spec.loadBalancerClass", balancerOnly);
  const problems = qualifiedName(spec.loadBalancerClass);
  invalidEach(errors, "spec.loadBalancerClass", spec.loadBalancerClass, problems);
}

function validateTraffic(errors: FieldErrors, spec: ServiceSpec): void {
  const external =
    spec.type === "NodePort" ||
    spec.type === "LoadBalancer" ||
    (spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0);
  const policy = spec.externalTrafficPolicy;
  if (external) oneOf(errors, "spec.externalTrafficPolicy", policy, ["Cluster", "Local"]);
  else if (policy !== undefined) {
    const text = "may only be set for externally-accessible services";
    errors.invalid("spec.externalTrafficPolicy", policy, text);
  }
  const health = spec.healthCheckNodePort ?? 0;
  if (health !== 0 && !needsHealth(spec)) {
    const text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.invalid("spec.healthCheckNodePort", health, text);
  }
  const internal = spec.internalTrafficPolicy;
  if (internal !== undefined) {
    oneOf(errors, "spec.internalTrafficPolicy", internal, ["Cluster", "Local"]);
  } else if (spec.type !== "ExternalName") errors.required("spec.internalTrafficPolicy");
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined) {
    const known = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    oneOf(errors, "spec.trafficDistribution", distribution, known);
  }
}

/** What a load balancer reports. */
export function validateServiceStatus(errors: FieldErrors, service: Service): void {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  const path = "status.loadBalancer.ingress";
  if (ingress.length > 0 && service.spec.type !== "LoadBalancer") {
    errors.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'");
    return;
  }
  for (const [index, { ip = "", hostname = "", ipMode }] of ingress.entries()) {
    const here = `${path}[${index}]`;
    if (ip !== "") invalidEach(errors, `${here}.ip`, ip, ipProblems(ip));
    if (ipMode !== undefined) {
      if (ip === "") errors.forbidden(`${here}.ipMode`, "may not be specified when `ip` is not set");
      else oneOf(errors, `${here}.ipMode`, ipMode, ["Proxy", "VIP"]);
    } else if (ip !== "") errors.required(`${here}.ipMode`, "must be specified when `ip` is set");
    if (hostname === "") continue;
    invalidEach(errors, `${here}.hostname`, hostname, dnsSubdomain(hostname));
    if (parseIp(hostname) !== undefined) {
      errors.invalid(`${here}.hostname`, hostname, "must be a DNS name, not an IP address");
    }
  }
}
