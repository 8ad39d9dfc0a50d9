import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import {
  localObjectReferenceSchema,
  typedLocalObjectReferenceSchema,
  typedObjectReferenceSchema,
} from "./core-shared.ts";
import { objectFieldSelectorSchema, resourceFieldSelectorSchema } from "./pod-container.ts";
import { labelSelectorSchema, objectMetaSchema } from "./meta.ts";

export const hostPathVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.HostPathVolumeSource", "", {
  path: field(1, "string", "", { required: true }),
  type: field(2, "string", "", { presence: true }),
});

export const emptyDirVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.EmptyDirVolumeSource", "", {
  medium: field(1, "string", ""),
  sizeLimit: field(2, "quantity", ""),
});

export const gcePersistentDiskVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.GCEPersistentDiskVolumeSource",
  "",
  {
    pdName: field(1, "string", "", { required: true }),
    fsType: field(2, "string", ""),
    partition: field(3, "int32", ""),
    readOnly: field(4, "bool", ""),
  },
);

export const awsElasticBlockStoreVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource",
  "",
  {
    volumeID: field(1, "string", "", { required: true }),
    fsType: field(2, "string", ""),
    partition: field(3, "int32", ""),
    readOnly: field(4, "bool", ""),
  },
);

export const gitRepoVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.GitRepoVolumeSource", "", {
  repository: field(1, "string", "", { required: true }),
  revision: field(2, "string", ""),
  directory: field(3, "string", ""),
});

export const keyToPathSchema: ObjectSchema = object("io.k8s.api.core.v1.KeyToPath", "", {
  key: field(1, "string", "", { required: true }),
  path: field(2, "string", "", { required: true }),
  mode: field(3, "int32", "", { presence: true }),
});

export const secretVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.SecretVolumeSource", "", {
  secretName: field(1, "string", ""),
  items: field(2, list("atomic", keyToPathSchema), ""),
  defaultMode: field(3, "int32", "", { presence: true }),
  optional: field(4, "bool", "", { presence: true }),
});

export const nfsVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.NFSVolumeSource", "", {
  server: field(1, "string", "", { required: true }),
  path: field(2, "string", "", { required: true }),
  readOnly: field(3, "bool", ""),
});

export const iscsiVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.ISCSIVolumeSource", "", {
  targetPortal: field(1, "string", "", { required: true }),
  iqn: field(2, "string", "", { required: true }),
  lun: field(3, "int32", "", { required: true }),
  iscsiInterface: field(4, "string", "", { default: "default" }),
  fsType: field(5, "string", ""),
  readOnly: field(6, "bool", ""),
  portals: field(7, list("atomic", "string"), ""),
  chapAuthDiscovery: field(8, "bool", ""),
  secretRef: field(10, localObjectReferenceSchema, ""),
  chapAuthSession: field(11, "bool", ""),
  initiatorName: field(12, "string", "", { presence: true }),
});

export const glusterfsVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.GlusterfsVolumeSource", "", {
  endpoints: field(1, "string", "", { required: true }),
  path: field(2, "string", "", { required: true }),
  readOnly: field(3, "bool", ""),
});

export const persistentVolumeClaimVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource",
  "",
  {
    claimName: field(1, "string", "", { required: true }),
    readOnly: field(2, "bool", ""),
  },
);

export const rbdVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.RBDVolumeSource", "", {
  monitors: field(1, list("atomic", "string"), "", { required: true }),
  image: field(2, "string", "", { required: true }),
  fsType: field(3, "string", ""),
  pool: field(4, "string", "", { default: "rbd" }),
  user: field(5, "string", "", { default: "admin" }),
  keyring: field(6, "string", "", { default: "/etc/ceph/keyring" }),
  secretRef: field(7, localObjectReferenceSchema, ""),
  readOnly: field(8, "bool", ""),
});

export const flexVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.FlexVolumeSource", "", {
  driver: field(1, "string", "", { required: true }),
  fsType: field(2, "string", ""),
  secretRef: field(3, localObjectReferenceSchema, ""),
  readOnly: field(4, "bool", ""),
  options: field(5, map("string"), ""),
});

export const cinderVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.CinderVolumeSource", "", {
  volumeID: field(1, "string", "", { required: true }),
  fsType: field(2, "string", ""),
  readOnly: field(3, "bool", ""),
  secretRef: field(4, localObjectReferenceSchema, ""),
});

export const cephFSVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.CephFSVolumeSource", "", {
  monitors: field(1, list("atomic", "string"), "", { required: true }),
  path: field(2, "string", ""),
  user: field(3, "string", ""),
  secretFile: field(4, "string", ""),
  secretRef: field(5, localObjectReferenceSchema, ""),
  readOnly: field(6, "bool", ""),
});

export const flockerVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.FlockerVolumeSource", "", {
  datasetName: field(1, "string", ""),
  datasetUUID: field(2, "string", ""),
});

export const downwardAPIVolumeFileSchema: ObjectSchema = object("io.k8s.api.core.v1.DownwardAPIVolumeFile", "", {
  path: field(1, "string", "", { required: true }),
  fieldRef: field(2, objectFieldSelectorSchema, ""),
  resourceFieldRef: field(3, resourceFieldSelectorSchema, ""),
  mode: field(4, "int32", "", { presence: true }),
});

export const downwardAPIVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.DownwardAPIVolumeSource", "", {
  items: field(1, list("atomic", downwardAPIVolumeFileSchema), ""),
  defaultMode: field(2, "int32", "", { presence: true }),
});

export const fcVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.FCVolumeSource", "", {
  targetWWNs: field(1, list("atomic", "string"), ""),
  lun: field(2, "int32", "", { presence: true }),
  fsType: field(3, "string", ""),
  readOnly: field(4, "bool", ""),
  wwids: field(5, list("atomic", "string"), ""),
});

export const azureFileVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.AzureFileVolumeSource", "", {
  secretName: field(1, "string", "", { required: true }),
  shareName: field(2, "string", "", { required: true }),
  readOnly: field(3, "bool", ""),
});

export const configMapVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.ConfigMapVolumeSource", "", {
  localObjectReference: field(1, localObjectReferenceSchema, "", { inline: true }),
  items: field(2, list("atomic", keyToPathSchema), ""),
  defaultMode: field(3, "int32", "", { presence: true }),
  optional: field(4, "bool", "", { presence: true }),
});

export const vsphereVirtualDiskVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource",
  "",
  {
    volumePath: field(1, "string", "", { required: true }),
    fsType: field(2, "string", ""),
    storagePolicyName: field(3, "string", ""),
    storagePolicyID: field(4, "string", ""),
  },
);

export const quobyteVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.QuobyteVolumeSource", "", {
  registry: field(1, "string", "", { required: true }),
  volume: field(2, "string", "", { required: true }),
  readOnly: field(3, "bool", ""),
  user: field(4, "string", ""),
  group: field(5, "string", ""),
  tenant: field(6, "string", ""),
});

export const azureDiskVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.AzureDiskVolumeSource", "", {
  diskName: field(1, "string", "", { required: true }),
  diskURI: field(2, "string", "", { required: true }),
  cachingMode: field(3, "string", "", { default: "ReadWrite", presence: true }),
  fsType: field(4, "string", "", { default: "ext4", presence: true }),
  readOnly: field(5, "bool", "", { presence: true }),
  kind: field(6, "string", "", { default: "Shared", presence: true }),
});

export const photonPersistentDiskVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource",
  "",
  {
    pdID: field(1, "string", "", { required: true }),
    fsType: field(2, "string", ""),
  },
);

export const portworxVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.PortworxVolumeSource", "", {
  volumeID: field(1, "string", "", { required: true }),
  fsType: field(2, "string", ""),
  readOnly: field(3, "bool", ""),
});

export const scaleIOVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.ScaleIOVolumeSource", "", {
  gateway: field(1, "string", "", { required: true }),
  system: field(2, "string", "", { required: true }),
  secretRef: field(3, localObjectReferenceSchema, "", { required: true }),
  sslEnabled: field(4, "bool", ""),
  protectionDomain: field(5, "string", ""),
  storagePool: field(6, "string", ""),
  storageMode: field(7, "string", "", { default: "ThinProvisioned" }),
  volumeName: field(8, "string", ""),
  fsType: field(9, "string", "", { default: "xfs" }),
  readOnly: field(10, "bool", ""),
});

export const secretProjectionSchema: ObjectSchema = object("io.k8s.api.core.v1.SecretProjection", "", {
  localObjectReference: field(1, localObjectReferenceSchema, "", { inline: true }),
  items: field(2, list("atomic", keyToPathSchema), ""),
  optional: field(4, "bool", "", { presence: true }),
});

export const downwardAPIProjectionSchema: ObjectSchema = object("io.k8s.api.core.v1.DownwardAPIProjection", "", {
  items: field(1, list("atomic", downwardAPIVolumeFileSchema), ""),
});

export const configMapProjectionSchema: ObjectSchema = object("io.k8s.api.core.v1.ConfigMapProjection", "", {
  localObjectReference: field(1, localObjectReferenceSchema, "", { inline: true }),
  items: field(2, list("atomic", keyToPathSchema), ""),
  optional: field(4, "bool", "", { presence: true }),
});

export const serviceAccountTokenProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ServiceAccountTokenProjection",
  "",
  {
    audience: field(1, "string", ""),
    expirationSeconds: field(2, "int64", "", { presence: true }),
    path: field(3, "string", "", { required: true }),
  },
);

export const clusterTrustBundleProjectionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ClusterTrustBundleProjection",
  "",
  {
    name: field(1, "string", "", { presence: true }),
    signerName: field(2, "string", "", { presence: true }),
    labelSelector: field(3, labelSelectorSchema, ""),
    path: field(4, "string", "", { required: true }),
    optional: field(5, "bool", "", { presence: true }),
  },
);

export const podCertificateProjectionSchema: ObjectSchema = object("io.k8s.api.core.v1.PodCertificateProjection", "", {
  signerName: field(1, "string", "", { required: true }),
  keyType: field(2, "string", "", { required: true }),
  maxExpirationSeconds: field(3, "int32", "", { presence: true }),
  credentialBundlePath: field(4, "string", ""),
  keyPath: field(5, "string", ""),
  certificateChainPath: field(6, "string", ""),
  userAnnotations: field(7, map("string"), ""),
});

export const volumeProjectionSchema: ObjectSchema = object("io.k8s.api.core.v1.VolumeProjection", "", {
  secret: field(1, secretProjectionSchema, ""),
  downwardAPI: field(2, downwardAPIProjectionSchema, ""),
  configMap: field(3, configMapProjectionSchema, ""),
  serviceAccountToken: field(4, serviceAccountTokenProjectionSchema, ""),
  clusterTrustBundle: field(5, clusterTrustBundleProjectionSchema, ""),
  podCertificate: field(6, podCertificateProjectionSchema, ""),
});

export const projectedVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.ProjectedVolumeSource", "", {
  sources: field(1, list("atomic", volumeProjectionSchema), ""),
  defaultMode: field(2, "int32", "", { presence: true }),
});

export const storageOSVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.StorageOSVolumeSource", "", {
  volumeName: field(1, "string", ""),
  volumeNamespace: field(2, "string", ""),
  fsType: field(3, "string", ""),
  readOnly: field(4, "bool", ""),
  secretRef: field(5, localObjectReferenceSchema, ""),
});

export const csiVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.CSIVolumeSource", "", {
  driver: field(1, "string", "", { required: true }),
  readOnly: field(2, "bool", "", { presence: true }),
  fsType: field(3, "string", "", { presence: true }),
  volumeAttributes: field(4, map("string"), ""),
  nodePublishSecretRef: field(5, localObjectReferenceSchema, ""),
});

export const volumeResourceRequirementsSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VolumeResourceRequirements",
  "",
  {
    limits: field(1, map("quantity"), ""),
    requests: field(2, map("quantity"), ""),
  },
);

export const persistentVolumeClaimSpecSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PersistentVolumeClaimSpec",
  "",
  {
    accessModes: field(1, list("atomic", "string"), ""),
    resources: field(2, volumeResourceRequirementsSchema, ""),
    volumeName: field(3, "string", ""),
    selector: field(4, labelSelectorSchema, ""),
    storageClassName: field(5, "string", "", { presence: true }),
    volumeMode: field(6, "string", "", { presence: true }),
    dataSource: field(7, typedLocalObjectReferenceSchema, ""),
    dataSourceRef: field(8, typedObjectReferenceSchema, ""),
    volumeAttributesClassName: field(9, "string", "", { presence: true }),
  },
);

export const persistentVolumeClaimTemplateSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PersistentVolumeClaimTemplate",
  "",
  {
    metadata: field(1, objectMetaSchema, ""),
    spec: field(2, persistentVolumeClaimSpecSchema, "", { required: true }),
  },
);

export const ephemeralVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.EphemeralVolumeSource", "", {
  volumeClaimTemplate: field(1, persistentVolumeClaimTemplateSchema, ""),
});

export const imageVolumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.ImageVolumeSource", "", {
  reference: field(1, "string", ""),
  pullPolicy: field(2, "string", ""),
});

export const volumeSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.VolumeSource", "", {
  hostPath: field(1, hostPathVolumeSourceSchema, ""),
  emptyDir: field(2, emptyDirVolumeSourceSchema, ""),
  gcePersistentDisk: field(3, gcePersistentDiskVolumeSourceSchema, ""),
  awsElasticBlockStore: field(4, awsElasticBlockStoreVolumeSourceSchema, ""),
  gitRepo: field(5, gitRepoVolumeSourceSchema, ""),
  secret: field(6, secretVolumeSourceSchema, ""),
  nfs: field(7, nfsVolumeSourceSchema, ""),
  iscsi: field(8, iscsiVolumeSourceSchema, ""),
  glusterfs: field(9, glusterfsVolumeSourceSchema, ""),
  persistentVolumeClaim: field(10, persistentVolumeClaimVolumeSourceSchema, ""),
  rbd: field(11, rbdVolumeSourceSchema, ""),
  flexVolume: field(12, flexVolumeSourceSchema, ""),
  cinder: field(13, cinderVolumeSourceSchema, ""),
  cephfs: field(14, cephFSVolumeSourceSchema, ""),
  flocker: field(15, flockerVolumeSourceSchema, ""),
  downwardAPI: field(16, downwardAPIVolumeSourceSchema, ""),
  fc: field(17, fcVolumeSourceSchema, ""),
  azureFile: field(18, azureFileVolumeSourceSchema, ""),
  configMap: field(19, configMapVolumeSourceSchema, ""),
  vsphereVolume: field(20, vsphereVirtualDiskVolumeSourceSchema, ""),
  quobyte: field(21, quobyteVolumeSourceSchema, ""),
  azureDisk: field(22, azureDiskVolumeSourceSchema, ""),
  photonPersistentDisk: field(23, photonPersistentDiskVolumeSourceSchema, ""),
  portworxVolume: field(24, portworxVolumeSourceSchema, ""),
  scaleIO: field(25, scaleIOVolumeSourceSchema, ""),
  projected: field(26, projectedVolumeSourceSchema, ""),
  storageos: field(27, storageOSVolumeSourceSchema, ""),
  csi: field(28, csiVolumeSourceSchema, ""),
  ephemeral: field(29, ephemeralVolumeSourceSchema, ""),
  image: field(30, imageVolumeSourceSchema, ""),
});

export const volumeSchema: ObjectSchema = object("io.k8s.api.core.v1.Volume", "", {
  name: field(1, "string", "", { required: true }),
  volumeSource: field(2, volumeSourceSchema, "", { inline: true }),
});
