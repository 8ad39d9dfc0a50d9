import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { objectReferenceSchema } from "./core-shared.ts";
import { objectMetaSchema } from "./meta.ts";

export const endpointConditionsSchema: ObjectSchema = object(
  "io.k8s.api.discovery.v1.EndpointConditions",
  "State of an endpoint.",
  {
    ready: field(
      1,
      "bool",
      "Whether new traffic may be sent here; absent means yes. As a rule serving and not terminating.",
      { presence: true },
    ),
    serving: field(2, "bool", "Whether the endpoint can take traffic, even while it terminates; absent means yes.", {
      presence: true,
    }),
    terminating: field(3, "bool", "Whether the endpoint is going away; absent means no.", { presence: true }),
  },
);

export const forZoneSchema: ObjectSchema = object(
  "io.k8s.api.discovery.v1.ForZone",
  "A zone that an endpoint is meant for.",
  {
    name: field(1, "string", "Name of the zone whose clients should use the endpoint.", { required: true }),
  },
);

export const forNodeSchema: ObjectSchema = object(
  "io.k8s.api.discovery.v1.ForNode",
  "A node that an endpoint is meant for.",
  {
    name: field(1, "string", "Name of the node whose clients should use the endpoint.", { required: true }),
  },
);

export const endpointHintsSchema: ObjectSchema = object(
  "io.k8s.api.discovery.v1.EndpointHints",
  "Who should use an endpoint.",
  {
    forZones: field(1, list("atomic", forZoneSchema), "Zones whose clients should use the endpoint; at most 8."),
    forNodes: field(2, list("atomic", forNodeSchema), "Nodes whose clients should use the endpoint; at most 8."),
  },
);

export const endpointSchema: ObjectSchema = object(
  "io.k8s.api.discovery.v1.Endpoint",
  "Something that takes traffic for a service, usually a pod.",
  {
    addresses: field(
      1,
      list("set", "string"),
      "Addresses of the endpoint, all of the slice's addressType; 1 to 100, of which the first is used.",
      { required: true },
    ),
    conditions: field(2, endpointConditionsSchema, "State of the endpoint."),
    hostname: field(3, "string", "Host name of the endpoint within its service's domain; a DNS label.", {
      presence: true,
    }),
    targetRef: field(4, objectReferenceSchema, "Object that the endpoint stands for, usually a pod."),
    deprecatedTopology: field(5, map("string"), "Deprecated and read-only; use nodeName and zone."),
    nodeName: field(6, "string", "Name of the node that has the endpoint.", { presence: true }),
    zone: field(7, "string", "Name of the zone that has the endpoint.", { presence: true }),
    hints: field(8, endpointHintsSchema, "Who should use the endpoint, for routing by place."),
  },
);

export const endpointPortSchema: ObjectSchema = object(
  "io.k8s.api.discovery.v1.EndpointPort",
  "A port at which the endpoints of a slice take traffic.",
  {
    name: field(1, "string", "Name of the slice's port, unique in the slice; as in the service. Default empty.", {
      presence: true,
    }),
    protocol: field(2, "string", "Protocol of the slice's port: TCP (the default), UDP or SCTP.", { presence: true }),
    port: field(3, "int32", "Port number at the endpoints; absent means that it is not limited to one.", {
      presence: true,
    }),
    appProtocol: field(4, "string", "Protocol spoken above at the slice's port; a hint for proxies.", {
      presence: true,
    }),
  },
  { atomic: true },
);

export const endpointSliceSchema: ObjectSchema = object(
  "io.k8s.api.discovery.v1.EndpointSlice",
  "A part of the endpoints of a service; its label kubernetes.io/service-name says of which.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the slice."),
    endpoints: field(2, list("atomic", endpointSchema), "Endpoints in this slice, at most 1000."),
    ports: field(3, list("atomic", endpointPortSchema), "Ports that every endpoint of the slice has, at most 100."),
    addressType: field(4, "string", "Sort of all addresses in the slice, fixed: IPv4, IPv6 or, deprecated, FQDN.", {
      required: true,
    }),
  },
);
