import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectReferenceSchema } from "./core-shared.ts";
import { objectMetaSchema } from "./meta.ts";

export const endpointAddressSchema: ObjectSchema = object("io.k8s.api.core.v1.EndpointAddress", "", {
  ip: field(1, "string", "", { required: true }),
  targetRef: field(2, objectReferenceSchema, ""),
  hostname: field(3, "string", ""),
  nodeName: field(4, "string", "", { presence: true }),
});

export const endpointPortSchema: ObjectSchema = object("io.k8s.api.core.v1.EndpointPort", "", {
  name: field(1, "string", ""),
  port: field(2, "int32", "", { required: true }),
  protocol: field(3, "string", ""),
  appProtocol: field(4, "string", "", { presence: true }),
});

export const endpointSubsetSchema: ObjectSchema = object("io.k8s.api.core.v1.EndpointSubset", "", {
  addresses: field(1, list("atomic", endpointAddressSchema), ""),
  notReadyAddresses: field(2, list("atomic", endpointAddressSchema), ""),
  ports: field(3, list("atomic", endpointPortSchema), ""),
});

export const endpointsSchema: ObjectSchema = object("io.k8s.api.core.v1.Endpoints", "", {
  metadata: field(1, objectMetaSchema, ""),
  subsets: field(2, list("atomic", endpointSubsetSchema), ""),
});
