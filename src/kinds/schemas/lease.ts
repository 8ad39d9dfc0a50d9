import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const leaseSpecSchema: ObjectSchema = object(
  "io.k8s.api.coordination.v1.LeaseSpec",
  "Who holds a lease, and until when.",
  {
    holderIdentity: field(1, "string", "Name of the present holder; absent or empty if nobody holds it.", {
      presence: true,
    }),
    leaseDurationSeconds: field(2, "int32", "Seconds after renewTime for which others must leave the lease alone.", {
      presence: true,
    }),
    acquireTime: field(3, "microTime", "Time at which the present holder took the lease."),
    renewTime: field(4, "microTime", "Time at which the present holder last renewed the lease."),
    leaseTransitions: field(5, "int32", "Number of times that the lease changed hands.", { presence: true }),
    strategy: field(
      6,
      "string",
      "How a coordinated election chooses the holder, such as OldestEmulationVersion; absent means none does.",
      { presence: true },
    ),
    preferredHolder: field(7, "string", "Better holder for whom the present one should step back; needs strategy.", {
      presence: true,
    }),
  },
);

export const leaseSchema: ObjectSchema = object(
  "io.k8s.api.coordination.v1.Lease",
  "A role that someone holds until a time unless they renew it, as leaders and nodes' heartbeats do.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the lease."),
    spec: field(2, leaseSpecSchema, "Who holds the lease, and until when."),
  },
);
