import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { localObjectReferenceSchema } from "./core-shared.ts";

export const gcePersistentDiskVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.GCEPersistentDiskVolumeSource",
  "A persistent disk of Google Compute Engine.",
  {
    pdName: field(1, "string", "Name of the Google disk.", { required: true }),
    fsType: field(2, "string", "File system of the Google disk, such as ext4 (the default) or xfs."),
    partition: field(3, "int32", "Partition of the Google disk; 0 or absent means the whole disk."),
    readOnly: field(4, "bool", "If true, the Google disk is mounted read-only; default false."),
  },
);

export const awsElasticBlockStoreVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource",
  "A disk of Amazon's Elastic Block Store.",
  {
    volumeID: field(1, "string", "Id of the Amazon disk.", { required: true }),
    fsType: field(2, "string", "File system of the Amazon disk, such as ext4 (the default) or xfs."),
    partition: field(3, "int32", "Partition of the Amazon disk; 0 or absent means the whole disk."),
    readOnly: field(4, "bool", "If true, the Amazon disk is mounted read-only; default false."),
  },
);

export const nfsVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NFSVolumeSource",
  "A folder exported by an NFS server.",
  {
    server: field(1, "string", "Host name or address of the NFS server.", { required: true }),
    path: field(2, "string", "Path that the NFS server exports.", { required: true }),
    readOnly: field(3, "bool", "If true, the NFS folder is mounted read-only; default false."),
  },
);

export const iscsiVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ISCSIVolumeSource",
  "A disk reached over iSCSI.",
  {
    targetPortal: field(1, "string", "Address of the iSCSI portal, with a port if it is not 3260.", { required: true }),
    iqn: field(2, "string", "Qualified name of the iSCSI target.", { required: true }),
    lun: field(3, "int32", "Number of the logical unit of the iSCSI target, 0 to 255.", { required: true }),
    iscsiInterface: field(4, "string", "Interface that the iSCSI connection uses; default is default, for TCP.", {
      default: "default",
    }),
    fsType: field(5, "string", "File system of the iSCSI disk, such as ext4 (the default) or xfs."),
    readOnly: field(6, "bool", "If true, the iSCSI disk is mounted read-only; default false."),
    portals: field(7, list("atomic", "string"), "Further iSCSI portals, for more than one path to the disk."),
    chapAuthDiscovery: field(8, "bool", "If true, discovery authenticates by CHAP; default false."),
    secretRef: field(
      10,
      localObjectReferenceSchema,
      "Secret in the pod's namespace with the names and passwords for CHAP.",
    ),
    chapAuthSession: field(11, "bool", "If true, the iSCSI session authenticates by CHAP; default false."),
    initiatorName: field(
      12,
      "string",
      "Name under which the node connects to the iSCSI target; absent means the node's own.",
      { presence: true },
    ),
  },
);

export const glusterfsVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.GlusterfsVolumeSource",
  "A Glusterfs volume; no longer supported.",
  {
    endpoints: field(1, "string", "Endpoints object that lists the Gluster servers.", { required: true }),
    path: field(2, "string", "Name of the Gluster volume.", { required: true }),
    readOnly: field(3, "bool", "If true, the Gluster volume is mounted read-only; default false."),
  },
);

export const rbdVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.RBDVolumeSource",
  "A block device of Ceph; no longer supported.",
  {
    monitors: field(1, list("atomic", "string"), "Addresses of the Ceph monitors for the block device; at least one.", {
      required: true,
    }),
    image: field(2, "string", "Name of the RBD image.", { required: true }),
    fsType: field(3, "string", "File system of the RBD image, such as ext4 (the default) or xfs."),
    pool: field(4, "string", "Ceph pool that has the image; default rbd.", { default: "rbd" }),
    user: field(5, "string", "Ceph user for the block device; default admin.", { default: "admin" }),
    keyring: field(6, "string", "File on the node with the Ceph user's key; default /etc/ceph/keyring.", {
      default: "/etc/ceph/keyring",
    }),
    secretRef: field(
      7,
      localObjectReferenceSchema,
      "Secret with the Ceph user's key for the block device; used instead of keyring.",
    ),
    readOnly: field(8, "bool", "If true, the RBD image is mounted read-only; default false."),
  },
);

export const flexVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.FlexVolumeSource",
  "A volume mounted by a program on the node; deprecated, CSI replaces it.",
  {
    driver: field(1, "string", "Name of the program that mounts the volume.", { required: true }),
    fsType: field(2, "string", "File system to mount; absent means the driver's default."),
    secretRef: field(3, localObjectReferenceSchema, "Secret whose content is handed to the driver."),
    readOnly: field(4, "bool", "If true, the driver mounts the volume read-only; default false."),
    options: field(5, map("string"), "Further options that are handed to the driver."),
  },
);

export const cinderVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.CinderVolumeSource",
  "A disk of OpenStack Cinder.",
  {
    volumeID: field(1, "string", "Id of the Cinder disk.", { required: true }),
    fsType: field(2, "string", "File system of the Cinder disk, such as ext4 (the default) or xfs."),
    readOnly: field(3, "bool", "If true, the Cinder disk is mounted read-only; default false."),
    secretRef: field(4, localObjectReferenceSchema, "Secret with the settings for connecting to OpenStack."),
  },
);

export const cephFSVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.CephFSVolumeSource",
  "A Ceph file system; no longer supported.",
  {
    monitors: field(1, list("atomic", "string"), "Addresses of the Ceph monitors for the file system; at least one.", {
      required: true,
    }),
    path: field(2, "string", "Folder of the Ceph file system to mount; default /."),
    user: field(3, "string", "Ceph user for the file system; default admin."),
    secretFile: field(4, "string", "File on the node with the Ceph user's key; default /etc/ceph/user.secret."),
    secretRef: field(
      5,
      localObjectReferenceSchema,
      "Secret with the Ceph user's key for the file system; used instead of secretFile.",
    ),
    readOnly: field(6, "bool", "If true, the Ceph file system is mounted read-only; default false."),
  },
);

export const flockerVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.FlockerVolumeSource",
  "A Flocker volume; no longer supported. Exactly one member is set.",
  {
    datasetName: field(1, "string", "Name of the Flocker dataset; deprecated."),
    datasetUUID: field(2, "string", "Unique id of the Flocker dataset."),
  },
);

export const fcVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.FCVolumeSource",
  "A disk reached over Fibre Channel; either targetWWNs with lun, or wwids.",
  {
    targetWWNs: field(1, list("atomic", "string"), "World-wide names of the Fibre Channel targets."),
    lun: field(2, "int32", "Number of the logical unit of the Fibre Channel target, 0 to 255.", { presence: true }),
    fsType: field(3, "string", "File system of the Fibre Channel disk, such as ext4 (the default) or xfs."),
    readOnly: field(4, "bool", "If true, the Fibre Channel disk is mounted read-only; default false."),
    wwids: field(5, list("atomic", "string"), "World-wide ids of the disk; exclude targetWWNs and lun."),
  },
);

export const azureFileVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.AzureFileVolumeSource",
  "A file share of Azure.",
  {
    secretName: field(1, "string", "Secret with the name and key of the Azure storage account.", { required: true }),
    shareName: field(2, "string", "Name of the Azure share.", { required: true }),
    readOnly: field(3, "bool", "If true, the Azure share is mounted read-only; default false."),
  },
);

export const vsphereVirtualDiskVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource",
  "A disk of VMware vSphere.",
  {
    volumePath: field(1, "string", "Path of the vSphere disk.", { required: true }),
    fsType: field(2, "string", "File system of the vSphere disk, such as ext4 (the default) or xfs."),
    storagePolicyName: field(3, "string", "Name of the vSphere storage policy."),
    storagePolicyID: field(4, "string", "Id of the vSphere storage policy named in storagePolicyName."),
  },
);

export const quobyteVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.QuobyteVolumeSource",
  "A Quobyte volume; no longer supported.",
  {
    registry: field(1, "string", "Addresses of the Quobyte registries, as host:port, separated by commas.", {
      required: true,
    }),
    volume: field(2, "string", "Name of the Quobyte volume.", { required: true }),
    readOnly: field(3, "bool", "If true, the Quobyte volume is mounted read-only; default false."),
    user: field(4, "string", "User as whom the Quobyte volume is mounted; default the service account's user."),
    group: field(5, "string", "Group as which the Quobyte volume is mounted; default none."),
    tenant: field(6, "string", "Tenant that owns the Quobyte volume."),
  },
);

export const azureDiskVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.AzureDiskVolumeSource",
  "A disk of Azure.",
  {
    diskName: field(1, "string", "Name of the Azure disk.", { required: true }),
    diskURI: field(2, "string", "URI of the Azure disk.", { required: true }),
    cachingMode: field(3, "string", "How the host caches the Azure disk: None, ReadOnly or ReadWrite (the default).", {
      default: "ReadWrite",
      presence: true,
    }),
    fsType: field(4, "string", "File system of the Azure disk, such as ext4 (the default) or xfs.", {
      default: "ext4",
      presence: true,
    }),
    readOnly: field(5, "bool", "If true, the Azure disk is mounted read-only; default false.", { presence: true }),
    kind: field(6, "string", "Shared (the default) or Dedicated for a disk in a storage account, or Managed.", {
      default: "Shared",
      presence: true,
    }),
  },
);

export const photonPersistentDiskVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource",
  "A disk of the Photon Controller; no longer supported.",
  {
    pdID: field(1, "string", "Id of the Photon disk.", { required: true }),
    fsType: field(2, "string", "File system of the Photon disk, such as ext4 (the default) or xfs."),
  },
);

export const portworxVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PortworxVolumeSource",
  "A Portworx volume.",
  {
    volumeID: field(1, "string", "Id of the Portworx volume.", { required: true }),
    fsType: field(2, "string", "File system of the Portworx volume, such as ext4 (the default) or xfs."),
    readOnly: field(3, "bool", "If true, the Portworx volume is mounted read-only; default false."),
  },
);

export const scaleIOVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ScaleIOVolumeSource",
  "A ScaleIO volume; no longer supported.",
  {
    gateway: field(1, "string", "Address of the ScaleIO gateway.", { required: true }),
    system: field(2, "string", "Name of the ScaleIO storage system.", { required: true }),
    secretRef: field(3, localObjectReferenceSchema, "Secret with the name and password for ScaleIO.", {
      required: true,
    }),
    sslEnabled: field(4, "bool", "If true, the gateway is spoken to over TLS; default false."),
    protectionDomain: field(5, "string", "Protection domain in which the ScaleIO storage lies."),
    storagePool: field(6, "string", "Storage pool of the protection domain."),
    storageMode: field(7, "string", "ThickProvisioned or ThinProvisioned (the default).", {
      default: "ThinProvisioned",
    }),
    volumeName: field(8, "string", "Name of a ScaleIO volume that exists already."),
    fsType: field(9, "string", "File system of the ScaleIO volume; default xfs.", { default: "xfs" }),
    readOnly: field(10, "bool", "If true, the ScaleIO volume is mounted read-only; default false."),
  },
);

export const storageOSVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.StorageOSVolumeSource",
  "A StorageOS volume; no longer supported.",
  {
    volumeName: field(1, "string", "Name of the StorageOS volume, unique in its namespace."),
    volumeNamespace: field(2, "string", "StorageOS namespace of the volume; absent means the pod's namespace."),
    fsType: field(3, "string", "File system of the StorageOS volume, such as ext4 (the default) or xfs."),
    readOnly: field(4, "bool", "If true, the StorageOS volume is mounted read-only; default false."),
    secretRef: field(5, localObjectReferenceSchema, "Secret with the credentials for the StorageOS interface."),
  },
);

export const csiVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.CSIVolumeSource",
  "A volume that a CSI driver makes for this pod alone.",
  {
    driver: field(1, "string", "Name of the CSI driver, as registered in the cluster.", { required: true }),
    readOnly: field(2, "bool", "If true, the CSI volume is mounted read-only; default false.", { presence: true }),
    fsType: field(3, "string", "File system of the CSI volume; absent leaves it to the driver.", { presence: true }),
    volumeAttributes: field(4, map("string"), "Settings of the driver for this volume."),
    nodePublishSecretRef: field(
      5,
      localObjectReferenceSchema,
      "Secret in the pod's namespace that is handed to the driver when it mounts the volume.",
    ),
  },
);
