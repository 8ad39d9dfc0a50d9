import { field, object, type ObjectSchema } from "../schema.ts";
import { ephemeralVolumeSourceSchema, persistentVolumeClaimVolumeSourceSchema } from "./pod-volume-claim.ts";
import {
  configMapVolumeSourceSchema,
  downwardAPIVolumeSourceSchema,
  projectedVolumeSourceSchema,
  secretVolumeSourceSchema,
} from "./pod-volume-files.ts";
import {
  awsElasticBlockStoreVolumeSourceSchema,
  azureDiskVolumeSourceSchema,
  azureFileVolumeSourceSchema,
  cephFSVolumeSourceSchema,
  cinderVolumeSourceSchema,
  csiVolumeSourceSchema,
  fcVolumeSourceSchema,
  flexVolumeSourceSchema,
  flockerVolumeSourceSchema,
  gcePersistentDiskVolumeSourceSchema,
  glusterfsVolumeSourceSchema,
  iscsiVolumeSourceSchema,
  nfsVolumeSourceSchema,
  photonPersistentDiskVolumeSourceSchema,
  portworxVolumeSourceSchema,
  quobyteVolumeSourceSchema,
  rbdVolumeSourceSchema,
  scaleIOVolumeSourceSchema,
  storageOSVolumeSourceSchema,
  vsphereVirtualDiskVolumeSourceSchema,
} from "./pod-volume-storage.ts";

export const hostPathVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.HostPathVolumeSource",
  "A file or folder of the node; gives the pod access to the node itself.",
  {
    path: field(1, "string", "Path on the node; links are followed.", { required: true }),
    type: field(
      2,
      "string",
      "What must be there, such as Directory or Socket; DirectoryOrCreate makes it. Empty means no check.",
      { presence: true },
    ),
  },
);

export const emptyDirVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EmptyDirVolumeSource",
  "An empty folder that lives as long as the pod.",
  {
    medium: field(1, "string", "Where the folder lies: empty for the node's disk, Memory, or HugePages."),
    sizeLimit: field(
      2,
      "quantity",
      "Most that the folder may hold; with Memory also bound by the memory limits. Absent means no limit.",
    ),
  },
);

export const gitRepoVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.GitRepoVolumeSource",
  "A clone of a Git repository; deprecated, better done by an init container with an emptyDir.",
  {
    repository: field(1, "string", "URL of the Git repository.", { required: true }),
    revision: field(2, "string", "Commit, branch or tag that is checked out; absent means the default branch."),
    directory: field(
      3,
      "string",
      "Folder of the volume into which the repository is cloned; a dot means the volume's root.",
    ),
  },
);

export const imageVolumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ImageVolumeSource",
  "The content of an image or artifact, mounted read-only.",
  {
    reference: field(1, "string", "Name of the image or artifact, such as registry.example/data:1."),
    pullPolicy: field(
      2,
      "string",
      "When the reference is pulled: Always, IfNotPresent or Never; default by tag as for containers.",
    ),
  },
);

export const volumeSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VolumeSource",
  "Where a volume's content comes from; exactly one member is set, none means emptyDir.",
  {
    hostPath: field(1, hostPathVolumeSourceSchema, "A file or folder of the node."),
    emptyDir: field(2, emptyDirVolumeSourceSchema, "An empty folder that lives as long as the pod does."),
    gcePersistentDisk: field(
      3,
      gcePersistentDiskVolumeSourceSchema,
      "Deprecated: a disk of Google Compute Engine, served by its CSI driver.",
    ),
    awsElasticBlockStore: field(
      4,
      awsElasticBlockStoreVolumeSourceSchema,
      "Deprecated: a disk of Amazon, served by its CSI driver.",
    ),
    gitRepo: field(5, gitRepoVolumeSourceSchema, "Deprecated: a clone of a Git repository; off by default."),
    secret: field(6, secretVolumeSourceSchema, "The keys of a Secret, each a file."),
    nfs: field(7, nfsVolumeSourceSchema, "A folder of an NFS server."),
    iscsi: field(8, iscsiVolumeSourceSchema, "A disk reached over iSCSI, attached to the node."),
    glusterfs: field(9, glusterfsVolumeSourceSchema, "Deprecated: a Glusterfs volume; not supported any more."),
    persistentVolumeClaim: field(
      10,
      persistentVolumeClaimVolumeSourceSchema,
      "The volume bound to a PersistentVolumeClaim.",
    ),
    rbd: field(11, rbdVolumeSourceSchema, "Deprecated: a block device of Ceph; not supported any more."),
    flexVolume: field(12, flexVolumeSourceSchema, "Deprecated: a volume mounted by a program on the node."),
    cinder: field(13, cinderVolumeSourceSchema, "Deprecated: a disk of OpenStack, served by its CSI driver."),
    cephfs: field(14, cephFSVolumeSourceSchema, "Deprecated: a Ceph file system; not supported any more."),
    flocker: field(15, flockerVolumeSourceSchema, "Deprecated: a Flocker volume; not supported any more."),
    downwardAPI: field(16, downwardAPIVolumeSourceSchema, "Fields of the pod, each a file."),
    fc: field(17, fcVolumeSourceSchema, "A disk reached over Fibre Channel, attached to the node."),
    azureFile: field(18, azureFileVolumeSourceSchema, "Deprecated: a file share of Azure, served by its CSI driver."),
    configMap: field(19, configMapVolumeSourceSchema, "The keys of a ConfigMap, each a file."),
    vsphereVolume: field(
      20,
      vsphereVirtualDiskVolumeSourceSchema,
      "Deprecated: a disk of vSphere, served by its CSI driver.",
    ),
    quobyte: field(21, quobyteVolumeSourceSchema, "Deprecated: a Quobyte volume; not supported any more."),
    azureDisk: field(22, azureDiskVolumeSourceSchema, "Deprecated: a disk of Azure, served by its CSI driver."),
    photonPersistentDisk: field(
      23,
      photonPersistentDiskVolumeSourceSchema,
      "Deprecated: a disk of the Photon Controller; not supported any more.",
    ),
    portworxVolume: field(24, portworxVolumeSourceSchema, "Deprecated: a Portworx volume, served by its CSI driver."),
    scaleIO: field(25, scaleIOVolumeSourceSchema, "Deprecated: a ScaleIO volume; not supported any more."),
    projected: field(26, projectedVolumeSourceSchema, "Secrets, ConfigMaps, fields and tokens together in one folder."),
    storageos: field(27, storageOSVolumeSourceSchema, "Deprecated: a StorageOS volume; not supported any more."),
    csi: field(28, csiVolumeSourceSchema, "A volume made by a CSI driver for this pod alone."),
    ephemeral: field(29, ephemeralVolumeSourceSchema, "A claim that is made with the pod and deleted with it."),
    image: field(30, imageVolumeSourceSchema, "The content of an image, read-only."),
  },
);

export const volumeSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Volume",
  "A volume of the pod, which its containers can mount.",
  {
    name: field(1, "string", "Name of the volume, unique in the pod; a DNS label.", { required: true }),
    volumeSource: field(2, volumeSourceSchema, "Where the content comes from.", { inline: true }),
  },
);
