import { jsonEqual } from "../util/equal.ts";
import { ipProblems, parseIp } from "../util/ip.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Service, ServiceSpec } from "./generated/types.ts";

/** Rules about a Service's addresses and IP families: checked before allocation, and again after it. */

export type IpFamily = "IPv4" | "IPv6";

/** Family of an address; undefined for `None` and for what is no address. */
export function familyOf(ip: string): IpFamily | undefined {
  const parsed = parseIp(ip);
  return parsed === undefined ? undefined : parsed.family === 4 ? "IPv4" : "IPv6";
}

/** `spec.clusterIPs`, `spec.ipFamilies` and `spec.ipFamilyPolicy`. */
export function validateClusterIPs(
  errors: FieldErrors,
  service: { readonly spec: ServiceSpec },
  old: Service | undefined,
): void {
  const { spec } = service;
  validatePolicy(errors, spec);
  validateFamilies(errors, spec);
  validateAddresses(errors, spec, old);
}

function validatePolicy(errors: FieldErrors, spec: ServiceSpec): void {
  const known = ["PreferDualStack", "RequireDualStack", "SingleStack"];
  const policy = spec.ipFamilyPolicy;
  if (policy !== undefined && !known.includes(policy)) {
    errors.notSupported("spec.ipFamilyPolicy", policy, known);
  }
}

function validateFamilies(errors: FieldErrors, spec: ServiceSpec): void {
  const seen = new Set<string>();
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const path = `spec.ipFamilies[${index}]`;
    if (family !== "IPv4" && family !== "IPv6") errors.notSupported(path, family, ["IPv4", "IPv6"]);
    if (seen.has(family)) errors.duplicate(path, family);
    seen.add(family);
  }
}

function validateAddresses(errors: FieldErrors, spec: ServiceSpec, old: Service | undefined): void {
  const ips = spec.clusterIPs ?? [];
  const path = "spec.clusterIPs";
  const [first] = ips;
  if ((spec.clusterIP ?? "") !== "" && first !== spec.clusterIP) {
    errors.invalid(path, ips, "first value must match `clusterIP`");
  }
  if ((spec.clusterIP ?? "") === "" && ips.length > 0) {
    errors.invalid(path, ips, "must be empty when `clusterIP` is not specified");
    return;
  }
  if (first === "None") {
    if (ips.length > 1) errors.invalid(path, ips, "'None' must be the first and only value");
    return;
  }
  const known = new Set(old?.spec.clusterIPs ?? []);
  for (const [index, ip] of ips.entries()) {
    if (ip === "None") errors.invalid(path, ips, "'None' must be the first and only value");
    else if (!known.has(ip)) invalidEach(errors, `${path}[${index}]`, ip, ipProblems(ip));
  }
  if (ips.length > 2) {
    errors.invalid(path, ips, "may only hold up to 2 values");
    return;
  }
  const families = ips.map((ip) => familyOf(ip));
  if (families.length === 2 && families[0] !== undefined && families[0] === families[1]) {
    errors.invalid(path, ips, "may specify no more than one IP for each IP family");
  }
  for (const [index, family] of families.entries()) {
    const wanted = spec.ipFamilies?.[index];
    if (wanted === undefined || family === undefined || family === wanted) continue;
    errors.invalid(
      `${path}[${index}]`,
      ips[index],
      `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``,
    );
  }
}

/** What may not change once it is given, and what may be released only with the policy. */
export function validateClusterIPsUpdate(errors: FieldErrors, service: Service, old: Service): void {
  const { spec } = service;
  const before = old.spec;
  // A service that had or gets no addresses is free to change.
  if (before.type === "ExternalName" || spec.type === "ExternalName") return;
  const once = "may not change once set";
  const [ips, oldIPs] = [spec.clusterIPs ?? [], before.clusterIPs ?? []];
  for (const index of [0, 1]) {
    if (oldIPs[index] === undefined) continue;
    if (ips[index] === undefined) {
      if (index === 1 && spec.ipFamilyPolicy !== "SingleStack") {
        const text = "must be 'SingleStack' to release the secondary cluster IP";
        errors.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy ?? null, text);
      } else if (index === 0) errors.invalid("spec.clusterIPs[0]", ips, once);
    } else if (ips[index] !== oldIPs[index]) {
      errors.invalid(`spec.clusterIPs[${index}]`, ips, once);
    }
  }
  if (ips[0] === "None" && oldIPs[0] === "None") return;
  const [families, oldFamilies] = [spec.ipFamilies ?? [], before.ipFamilies ?? []];
  if (oldFamilies[0] !== undefined && !jsonEqual(families[0], oldFamilies[0])) {
    errors.invalid("spec.ipFamilies[0]", families, once);
  }
  if (oldFamilies[1] === undefined) return;
  if (families[1] === undefined && spec.ipFamilyPolicy !== "SingleStack") {
    const text = "must be 'SingleStack' to release the secondary IP family";
    errors.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy ?? null, text);
  }
}
