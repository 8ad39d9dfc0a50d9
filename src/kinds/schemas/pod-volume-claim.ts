import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { typedLocalObjectReferenceSchema, typedObjectReferenceSchema } from "./core-shared.ts";
import { labelSelectorSchema, objectMetaSchema } from "./meta.ts";

export const persistentVolumeClaimVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource",
  "The volume behind a claim in the pod's namespace.",
  {
    claimName: field(1, "string", "Name of the PersistentVolumeClaim.", { required: true }),
    readOnly: field(2, "bool", "If true, all mounts of the claim's volume are read-only; default false."),
  },
);

export const volumeResourceRequirementsSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VolumeResourceRequirements",
  "How large a volume must, and may, be.",
  {
    limits: field(1, map("quantity"), "Most that the volume may provide, by resource."),
    requests: field(2, map("quantity"), "Least that the volume must provide, such as storage: 1Gi."),
  },
);

export const persistentVolumeClaimSpecSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PersistentVolumeClaimSpec",
  "What a claim asks of a volume.",
  {
    accessModes: field(
      1,
      list("atomic", "string"),
      "How the volume must be mountable: ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod.",
    ),
    resources: field(2, volumeResourceRequirementsSchema, "Least and most size of the volume."),
    volumeName: field(
      3,
      "string",
      "PersistentVolume to which the claim is bound; may be set beforehand to ask for one.",
    ),
    selector: field(4, labelSelectorSchema, "Labels that an existing PersistentVolume must have to be taken."),
    storageClassName: field(
      5,
      "string",
      "StorageClass that makes the volume; absent means the default class, empty means none.",
      { presence: true },
    ),
    volumeMode: field(6, "string", "Filesystem (the default) or Block for a raw device.", { presence: true }),
    dataSource: field(
      7,
      typedLocalObjectReferenceSchema,
      "VolumeSnapshot or claim of the same namespace whose content fills the new volume.",
    ),
    dataSourceRef: field(
      8,
      typedObjectReferenceSchema,
      "Object of any kind whose content fills the new volume; dataSource is kept equal where it can be.",
    ),
    volumeAttributesClassName: field(
      9,
      "string",
      "VolumeAttributesClass whose settings the volume gets; may be changed later.",
      { presence: true },
    ),
  },
);

export const persistentVolumeClaimTemplateSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PersistentVolumeClaimTemplate",
  "The claim that is made for a pod.",
  {
    metadata: field(
      1,
      objectMetaSchema,
      "Labels and annotations that the claim gets; its name is the pod's, a dash and the volume's.",
    ),
    spec: field(2, persistentVolumeClaimSpecSchema, "What the claim asks for, copied as it is.", { required: true }),
  },
);

export const ephemeralVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EphemeralVolumeSource",
  "A claim made for this pod, and deleted with it.",
  {
    volumeClaimTemplate: field(1, persistentVolumeClaimTemplateSchema, "The claim that is made; required."),
  },
);
