import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { objectReferenceSchema } from "./core-shared.ts";
import { objectMetaSchema } from "./meta.ts";

export const endpointConditionsSchema: ObjectSchema = object("io.k8s.api.discovery.v1.EndpointConditions", "", {
  ready: field(1, "bool", "", { presence: true }),
  serving: field(2, "bool", "", { presence: true }),
  terminating: field(3, "bool", "", { presence: true }),
});

export const forZoneSchema: ObjectSchema = object("io.k8s.api.discovery.v1.ForZone", "", {
  name: field(1, "string", "", { required: true }),
});

export const forNodeSchema: ObjectSchema = object("io.k8s.api.discovery.v1.ForNode", "", {
  name: field(1, "string", "", { required: true }),
});

export const endpointHintsSchema: ObjectSchema = object("io.k8s.api.discovery.v1.EndpointHints", "", {
  forZones: field(1, list("atomic", forZoneSchema), ""),
  forNodes: field(2, list("atomic", forNodeSchema), ""),
});

export const endpointSchema: ObjectSchema = object("io.k8s.api.discovery.v1.Endpoint", "", {
  addresses: field(1, list("set", "string"), "", { required: true }),
  conditions: field(2, endpointConditionsSchema, ""),
  hostname: field(3, "string", "", { presence: true }),
  targetRef: field(4, objectReferenceSchema, ""),
  deprecatedTopology: field(5, map("string"), ""),
  nodeName: field(6, "string", "", { presence: true }),
  zone: field(7, "string", "", { presence: true }),
  hints: field(8, endpointHintsSchema, ""),
});

export const endpointPortSchema: ObjectSchema = object("io.k8s.api.discovery.v1.EndpointPort", "", {
  name: field(1, "string", "", { presence: true }),
  protocol: field(2, "string", "", { presence: true }),
  port: field(3, "int32", "", { presence: true }),
  appProtocol: field(4, "string", "", { presence: true }),
});

export const endpointSliceSchema: ObjectSchema = object("io.k8s.api.discovery.v1.EndpointSlice", "", {
  metadata: field(1, objectMetaSchema, ""),
  endpoints: field(2, list("atomic", endpointSchema), ""),
  ports: field(3, list("atomic", endpointPortSchema), ""),
  addressType: field(4, "string", "", { required: true }),
});
