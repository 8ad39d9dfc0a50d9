import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { localObjectReferenceSchema } from "./core-shared.ts";
import { labelSelectorSchema } from "./meta.ts";
import { objectFieldSelectorSchema, resourceFieldSelectorSchema } from "./pod-env.ts";

export const keyToPathSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.KeyToPath",
  "A key and the file into which its value goes.",
  {
    key: field(1, "string", "Key of the ConfigMap or Secret.", { required: true }),
    path: field(2, "string", "File's path in the volume; relative, without .. in it.", { required: true }),
    mode: field(
      3,
      "int32",
      "Permission bits of the file, 0 to 0777 (511 in JSON); absent means the volume's defaultMode.",
      { presence: true },
    ),
  },
);

export const secretVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SecretVolumeSource",
  "The keys of a Secret as files.",
  {
    secretName: field(1, "string", "Secret in the pod's namespace whose keys become files."),
    items: field(
      2,
      list("atomic", keyToPathSchema),
      "Keys that become files, with their paths; absent means all, named by their keys.",
    ),
    defaultMode: field(3, "int32", "Permission bits of the Secret's files, 0 to 0777 (511 in JSON); default 0644.", {
      presence: true,
    }),
    optional: field(4, "bool", "If true, a missing Secret or key leaves files out; otherwise the pod waits for it.", {
      presence: true,
    }),
  },
);

export const downwardAPIVolumeFileSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.DownwardAPIVolumeFile",
  "A file that tells something of the pod itself.",
  {
    path: field(1, "string", "Path of the file in the volume; relative, without .. in it.", { required: true }),
    fieldRef: field(
      2,
      objectFieldSelectorSchema,
      "Field of the pod that the file contains: its labels, annotations, name, namespace or uid.",
    ),
    resourceFieldRef: field(3, resourceFieldSelectorSchema, "Limit or request of a container that the file contains."),
    mode: field(
      4,
      "int32",
      "Permission bits of this file, 0 to 0777 (511 in JSON); absent means the volume's defaultMode.",
      { presence: true },
    ),
  },
);

export const downwardAPIVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.DownwardAPIVolumeSource",
  "Fields of the pod as files.",
  {
    items: field(1, list("atomic", downwardAPIVolumeFileSchema), "Files to make, each from one field."),
    defaultMode: field(2, "int32", "Permission bits of the pod's files, 0 to 0777 (511 in JSON); default 0644.", {
      presence: true,
    }),
  },
);

export const configMapVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ConfigMapVolumeSource",
  "The keys of a ConfigMap as files.",
  {
    localObjectReference: field(
      1,
      localObjectReferenceSchema,
      "ConfigMap in the pod's namespace whose keys become files.",
      { inline: true },
    ),
    items: field(
      2,
      list("atomic", keyToPathSchema),
      "Keys of the ConfigMap that become files; absent means all, named by their keys.",
    ),
    defaultMode: field(3, "int32", "Permission bits of the ConfigMap's files, 0 to 0777 (511 in JSON); default 0644.", {
      presence: true,
    }),
    optional: field(
      4,
      "bool",
      "If true, a missing ConfigMap or key leaves files out; otherwise the pod waits for it.",
      { presence: true },
    ),
  },
);

export const secretProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SecretProjection",
  "The keys of a Secret as files of a projected volume.",
  {
    localObjectReference: field(1, localObjectReferenceSchema, "Secret in the pod's namespace that is projected.", {
      inline: true,
    }),
    items: field(
      2,
      list("atomic", keyToPathSchema),
      "Keys of the Secret to project, with their paths; absent means all.",
    ),
    optional: field(
      4,
      "bool",
      "If true, a missing Secret or key is left out of the projection; otherwise the pod waits for it.",
      { presence: true },
    ),
  },
);

export const downwardAPIProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.DownwardAPIProjection",
  "Fields of the pod as files of a projected volume.",
  {
    items: field(1, list("atomic", downwardAPIVolumeFileSchema), "Files to project, each from one field."),
  },
);

export const configMapProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ConfigMapProjection",
  "The keys of a ConfigMap as files of a projected volume.",
  {
    localObjectReference: field(1, localObjectReferenceSchema, "ConfigMap in the pod's namespace that is projected.", {
      inline: true,
    }),
    items: field(
      2,
      list("atomic", keyToPathSchema),
      "Keys of the ConfigMap to project, with their paths; absent means all.",
    ),
    optional: field(
      4,
      "bool",
      "If true, a missing ConfigMap or key is left out of the projection; otherwise the pod waits for it.",
      { presence: true },
    ),
  },
);

export const serviceAccountTokenProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ServiceAccountTokenProjection",
  "A token of the pod's service account, kept fresh in a file.",
  {
    audience: field(1, "string", "Audience for whom the token is meant; default the API server."),
    expirationSeconds: field(
      2,
      "int64",
      "Seconds the token is valid, at least 600, default 3600; renewed well before the end.",
      { presence: true },
    ),
    path: field(3, "string", "Path of the token's file in the volume; relative.", { required: true }),
  },
);

export const clusterTrustBundleProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ClusterTrustBundleProjection",
  "Trusted certificates of the cluster in one file; by name or by signer.",
  {
    name: field(1, "string", "Name of one ClusterTrustBundle; excludes signerName and labelSelector.", {
      presence: true,
    }),
    signerName: field(2, "string", "Signer whose bundles are merged without duplicates; excludes name.", {
      presence: true,
    }),
    labelSelector: field(3, labelSelectorSchema, "Labels of the signer's bundles; absent means none, empty means all."),
    path: field(4, "string", "Path of the certificates' file in the volume; relative.", { required: true }),
    optional: field(5, "bool", "If true, the pod starts even if no such bundle exists; default false.", {
      presence: true,
    }),
  },
);

export const podCertificateProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodCertificateProjection",
  "A key and a certificate for the pod, kept fresh in files.",
  {
    signerName: field(1, "string", "Signer that is asked for the certificate.", { required: true }),
    keyType: field(2, "string", "Type of the key: RSA3072, RSA4096, ECDSAP256, ECDSAP384, ECDSAP521 or ED25519.", {
      required: true,
    }),
    maxExpirationSeconds: field(
      3,
      "int32",
      "Longest validity of the certificate in seconds, 3600 to 7862400; default 86400.",
      { presence: true },
    ),
    credentialBundlePath: field(
      4,
      "string",
      "File that gets the key and the certificates together, in PEM; the safest choice.",
    ),
    keyPath: field(5, "string", "File that gets the key alone, in PEM."),
    certificateChainPath: field(6, "string", "File that gets the certificates alone, in PEM."),
    userAnnotations: field(7, map("string"), "Further text for the signer, with keys that have a domain in front."),
  },
);

export const volumeProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VolumeProjection",
  "One source of a projected volume; exactly one member is set.",
  {
    secret: field(1, secretProjectionSchema, "Projects the keys of a Secret."),
    downwardAPI: field(2, downwardAPIProjectionSchema, "Projects fields of the pod."),
    configMap: field(3, configMapProjectionSchema, "Projects the keys of a ConfigMap."),
    serviceAccountToken: field(
      4,
      serviceAccountTokenProjectionSchema,
      "Projects a token of the pod's service account.",
    ),
    clusterTrustBundle: field(5, clusterTrustBundleProjectionSchema, "Projects trusted certificates of the cluster."),
    podCertificate: field(6, podCertificateProjectionSchema, "Projects a key and a certificate made for the pod."),
  },
);

export const projectedVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ProjectedVolumeSource",
  "Files from several sources in one folder.",
  {
    sources: field(1, list("atomic", volumeProjectionSchema), "Sources of the files; no two may give the same path."),
    defaultMode: field(2, "int32", "Permission bits of the projected files, 0 to 0777 (511 in JSON); default 0644.", {
      presence: true,
    }),
  },
);
