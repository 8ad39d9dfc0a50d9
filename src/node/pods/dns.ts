import type { Pod } from "../../kinds/generated/types.ts";
import type { DnsConfig } from "../cri/cri.ts";

/** What a pod's resolv.conf and hosts file hold. Pure texts. */

export interface DnsFacts {
  /** Empty: the cluster has no DNS (yet). */
  readonly clusterDns: string;
  readonly clusterDomain: string;
  readonly host: DnsConfig;
}

export interface PodDns {
  readonly config: DnsConfig;
  /** Text for a `MissingClusterDNS` event. */
  readonly missing?: string;
  /** Text for a `DNSConfigForming` event. */
  readonly dropped?: string;
}

const nameserversMaxCount = 3;
const searchesMaxCount = 32;
const searchesMaxChars = 2_048;

export function podDns(pod: Pod, facts: DnsFacts): PodDns {
  const policy = effectivePolicy(pod);
  const wantsCluster = policy === "ClusterFirst";
  const missing = wantsCluster && facts.clusterDns === "";
  const base = baseConfig(pod, facts, missing ? "Default" : policy);
  const own = pod.spec.dnsConfig;
  const merged: DnsConfig = {
    servers: unique([...base.servers, ...(own?.nameservers ?? [])]),
    searches: unique([...base.searches, ...(own?.searches ?? [])]),
    options: mergeOptions(base.options, own?.options ?? []),
  };
  const servers = merged.servers.slice(0, nameserversMaxCount);
  const searches: string[] = [];
  for (const search of merged.searches) {
    const length = [...searches, search].join(" ").length;
    if (searches.length < searchesMaxCount && length <= searchesMaxChars) searches.push(search);
  }
  const dropped = [
    ...(servers.length < merged.servers.length
      ? [
          `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(" ")}`,
        ]
      : []),
    ...(searches.length < merged.searches.length
      ? [
          `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(" ")}`,
        ]
      : []),
  ].join("; ");
  return {
    config: { servers, searches, options: merged.options },
    ...(missing
      ? {
          missing: `pod: "${pod.metadata.namespace ?? ""}/${pod.metadata.name}". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.`,
        }
      : {}),
    ...(dropped === "" ? {} : { dropped }),
  };
}

function effectivePolicy(pod: Pod): "ClusterFirst" | "Default" | "None" {
  switch (pod.spec.dnsPolicy ?? "ClusterFirst") {
    case "None":
      return "None";
    case "ClusterFirstWithHostNet":
      return "ClusterFirst";
    case "ClusterFirst":
      return pod.spec.hostNetwork === true ? "Default" : "ClusterFirst";
    default:
      return "Default";
  }
}

function baseConfig(pod: Pod, facts: DnsFacts, policy: "ClusterFirst" | "Default" | "None"): DnsConfig {
  if (policy === "None") return { servers: [], searches: [], options: [] };
  if (policy === "Default") return facts.host;
  const domain = facts.clusterDomain;
  const namespace = pod.metadata.namespace ?? "default";
  return {
    servers: [facts.clusterDns],
    searches: [`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...facts.host.searches],
    options: ["ndots:5"],
  };
}

/** A pod's own options win over those of the same name. */
function mergeOptions(
  base: readonly string[],
  own: readonly { readonly name?: string; readonly value?: string }[],
): readonly string[] {
  const merged = new Map(base.map((option) => [option.split(":")[0]!, option]));
  for (const { name, value } of own) {
    if (name !== undefined && name !== "") {
      merged.set(name, value === undefined || value === "" ? name : `${name}:${value}`);
    }
  }
  return [...merged.values()];
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** The host's resolv.conf, as far as pods inherit it. */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === "nameserver" && rest[0] !== undefined) servers.push(rest[0]);
    if (word === "search") searches = rest.map((each) => each.replace(/(.)\.$/, "$1"));
    if (word === "options") options = rest;
  }
  return { servers, searches, options };
}

export interface PodHostname {
  readonly hostname: string;
  /** Domain behind the hostname; empty: none. */
  readonly domain: string;
}

/** At most 63 characters, not ending in `-` or `.`. */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const override = pod.spec.hostnameOverride;
  if (override !== undefined) return { hostname: override, domain: "" };
  const base = (pod.spec.hostname ?? "") === "" ? pod.metadata.name : pod.spec.hostname!;
  const hostname = base.slice(0, 63).replace(/[-.]+$/, "");
  const subdomain = pod.spec.subdomain ?? "";
  if (subdomain === "") return { hostname, domain: "" };
  return { hostname, domain: `${subdomain}.${pod.metadata.namespace ?? ""}.svc.${clusterDomain}` };
}

/** `hostFile`: the host's own file, for pods on the host's network. */
export function hostsFile(pod: Pod, ips: readonly string[], name: PodHostname, hostFile: string): string {
  const aliases = pod.spec.hostAliases ?? [];
  const lines: string[] = [];
  if (pod.spec.hostNetwork === true) {
    lines.push("# Kubernetes-managed hosts file (host network).", hostFile.replace(/\n$/, ""));
  } else {
    lines.push(
      "# Kubernetes-managed hosts file.",
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      "fe00::0\tip6-localnet",
      "fe00::0\tip6-mcastprefix",
      "fe00::1\tip6-allnodes",
      "fe00::2\tip6-allrouters",
    );
    for (const ip of ips) {
      const fqdn = name.domain === "" ? [] : [`${name.hostname}.${name.domain}`];
      lines.push([ip, ...fqdn, name.hostname].join("\t"));
    }
  }
  if (aliases.length > 0) {
    lines.push("", "# Entries added by HostAliases.");
    for (const { ip, hostnames } of aliases) lines.push([ip, ...(hostnames ?? [])].join("\t"));
  }
  return `${lines.join("\n")}\n`;
}
