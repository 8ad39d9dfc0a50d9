import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectReferenceSchema } from "./core-shared.ts";
import { objectMetaSchema } from "./meta.ts";

export const endpointAddressSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EndpointAddress",
  "An address behind a service.",
  {
    ip: field(1, "string", "IP address of the endpoint; not loopback, link-local or multicast.", { required: true }),
    targetRef: field(2, objectReferenceSchema, "Object behind the address, usually a pod."),
    hostname: field(3, "string", "Host name of the endpoint within the service's domain."),
    nodeName: field(4, "string", "Node on which the endpoint runs.", { presence: true }),
  },
  { atomic: true },
);

export const endpointPortSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EndpointPort",
  "A port at which the addresses of a subset take traffic.",
  {
    name: field(1, "string", "Name of the endpoint's port, as in the service; needed where there are several."),
    port: field(2, "int32", "Port number at the address, 1 to 65535.", { required: true }),
    protocol: field(3, "string", "Protocol of the endpoint's port: TCP (the default), UDP or SCTP."),
    appProtocol: field(4, "string", "Protocol spoken above at the endpoint's port; a hint for proxies.", {
      presence: true,
    }),
  },
  { atomic: true },
);

export const endpointSubsetSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EndpointSubset",
  "Addresses that have the same ports.",
  {
    addresses: field(1, list("atomic", endpointAddressSchema), "Addresses that are ready to take traffic."),
    notReadyAddresses: field(
      2,
      list("atomic", endpointAddressSchema),
      "Addresses that are not ready yet, or not any more.",
    ),
    ports: field(3, list("atomic", endpointPortSchema), "Ports that every address of the subset has."),
  },
);

export const endpointsSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Endpoints",
  "The addresses behind a service; EndpointSlices replace it.",
  {
    metadata: field(
      1,
      objectMetaSchema,
      "Name, which is the service's, namespace and other metadata of the Endpoints.",
    ),
    subsets: field(
      2,
      list("atomic", endpointSubsetSchema),
      "Addresses and ports, grouped so that each group's addresses have all of its ports.",
    ),
  },
);
