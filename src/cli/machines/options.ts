/** The flags of a machine of its own, for `troupe server|agent` and `troupe install`. */
import type { CommandOption } from "../command.ts";

export const joinOptions: readonly CommandOption[] = [
  { name: "join", type: "string", value: "HOST:PORT", help: "any master of the cluster to join" },
  { name: "token", type: "string", value: "TOKEN", help: "of troupe token create; or $TROUPE_TOKEN" },
];

export const masterOptions: readonly CommandOption[] = [
  { name: "advertise-address", type: "string", value: "HOST", help: "where others reach it (default route's)" },
  { name: "listen", type: "string", value: "ADDRESS", help: "listen on this address only (0.0.0.0)" },
  { name: "port", type: "string", value: "N", help: "port of the API (6443); gRPC and peers take the next" },
  { name: "tls-san", type: "string", value: "NAMES", help: "more names and addresses of its API, with commas" },
  { name: "cluster-cidr", type: "string", value: "RANGE", help: "new cluster: addresses of pods (10.42.0.0/16)" },
  { name: "service-cidr", type: "string", value: "RANGE", help: "new cluster: those of Services (10.43.0.0/16)" },
  { name: "cluster-domain", type: "string", value: "NAME", help: "new cluster: DNS domain (cluster.local)" },
];

export const nodeOptions: readonly CommandOption[] = [
  { name: "address", type: "string", value: "ADDRESS", help: "join: the node's (default route's)" },
  { name: "runtime", type: "string", value: "KIND", help: "join: containerd (default) or simulated" },
  { name: "container-runtime-endpoint", type: "string", value: "SOCKET", help: "join: a containerd that runs here" },
];
