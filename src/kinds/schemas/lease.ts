import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const leaseSpecSchema: ObjectSchema = object("io.k8s.api.coordination.v1.LeaseSpec", "", {
  holderIdentity: field(1, "string", "", { presence: true }),
  leaseDurationSeconds: field(2, "int32", "", { presence: true }),
  acquireTime: field(3, "microTime", ""),
  renewTime: field(4, "microTime", ""),
  leaseTransitions: field(5, "int32", "", { presence: true }),
  strategy: field(6, "string", "", { presence: true }),
  preferredHolder: field(7, "string", "", { presence: true }),
});

export const leaseSchema: ObjectSchema = object("io.k8s.api.coordination.v1.Lease", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, leaseSpecSchema, ""),
});
