import { c, pod, vol, type RuleCase } from "./helpers.ts";

/** Volumes and variables of pods. */
export const podVolumeCases: readonly RuleCase[] = [
  {
    what: "a volume without a name",
    kind: "pods",
    body: pod({ volumes: [{ name: "", emptyDir: {} }] }),
    errors: ["spec.volumes[0].name: Required value"],
  },
  {
    what: "a volume in capitals",
    kind: "pods",
    body: pod({ volumes: [{ name: "V", emptyDir: {} }] }),
    errors: [
      "spec.volumes[0].name: Invalid value: \"V\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  },
  {
    what: "one volume twice",
    kind: "pods",
    body: pod({
      volumes: [
        { name: "v", emptyDir: {} },
        { name: "v", emptyDir: {} },
      ],
    }),
    errors: ['spec.volumes[1].name: Duplicate value: "v"'],
  },
  {
    what: "a disk without a name",
    kind: "pods",
    body: vol({ gcePersistentDisk: { pdName: "" } }),
    errors: ["spec.volumes[0].persistentDisk.pdName: Required value"],
  },
  {
    what: "a claim without a name",
    kind: "pods",
    body: vol({ persistentVolumeClaim: { claimName: "" } }),
    errors: ["spec.volumes[0].persistentVolumeClaim.claimName: Required value"],
  },
  {
    what: "an empty directory of less than nothing",
    kind: "pods",
    body: vol({ emptyDir: { sizeLimit: "-1" } }),
    errors: ["spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
  },
  {
    what: "a host path of nothing",
    kind: "pods",
    body: vol({ hostPath: { path: "" } }),
    errors: ["spec.volumes[0].hostPath.path: Required value"],
  },
  {
    what: "a host path that climbs",
    kind: "pods",
    body: vol({ hostPath: { path: "/a/../b" } }),
    errors: ["spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
  },
  {
    what: "a host path of an unknown type",
    kind: "pods",
    body: vol({ hostPath: { path: "/a", type: "Pipe" } }),
    errors: [
      'spec.volumes[0].hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
  },
  {
    what: "a mode beyond 0777",
    kind: "pods",
    body: vol({ secret: { secretName: "s", defaultMode: 512 } }),
    errors: [
      "spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
    ],
  },
  {
    what: "a file that climbs",
    kind: "pods",
    body: vol({ secret: { secretName: "s", items: [{ key: "k", path: "../x" }] } }),
    errors: ["spec.volumes[0].secret.items[0].path: Invalid value: \"../x\": must not contain '..'"],
  },
  {
    what: "a file that begins with dots",
    kind: "pods",
    body: vol({ secret: { secretName: "s", items: [{ key: "k", path: "..x" }] } }),
    errors: ["spec.volumes[0].secret.items[0].path: Invalid value: \"..x\": must not start with '..'"],
  },
  {
    what: "a file without key and path",
    kind: "pods",
    body: vol({ secret: { secretName: "s", items: [{ key: "", path: "" }] } }),
    errors: [
      "spec.volumes[0].secret.items[0].key: Required value",
      "spec.volumes[0].secret.items[0].path: Required value",
    ],
  },
  {
    what: "a ConfigMap without a name",
    kind: "pods",
    body: vol({ configMap: {} }),
    errors: ["spec.volumes[0].configMap.name: Required value"],
  },
  {
    what: "an export without server and path",
    kind: "pods",
    body: vol({ nfs: { server: "", path: "" } }),
    errors: ["spec.volumes[0].nfs.server: Required value", "spec.volumes[0].nfs.path: Required value"],
  },
  {
    what: "a relative export",
    kind: "pods",
    body: vol({ nfs: { server: "s", path: "x" } }),
    errors: ['spec.volumes[0].nfs.path: Invalid value: "x": must be an absolute path'],
  },
  {
    what: "a file of the pod's facts without a path",
    kind: "pods",
    body: vol({ downwardAPI: { items: [{ path: "", fieldRef: { fieldPath: "metadata.name" } }] } }),
    errors: ["spec.volumes[0].downwardAPI.path: Required value"],
  },
  {
    what: "a file of two facts",
    kind: "pods",
    body: vol({
      downwardAPI: {
        items: [
          {
            path: "x",
            fieldRef: { fieldPath: "metadata.name" },
            resourceFieldRef: { containerName: "c", resource: "limits.cpu" },
          },
        ],
      },
    }),
    errors: [
      'spec.volumes[0].downwardAPI: Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously',
    ],
  },
  {
    what: "a file of no fact",
    kind: "pods",
    body: vol({ downwardAPI: { items: [{ path: "x" }] } }),
    errors: ["spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"],
  },
  {
    what: "a file of nobody's resources",
    kind: "pods",
    body: vol({ downwardAPI: { items: [{ path: "x", resourceFieldRef: { resource: "limits.cpu" } }] } }),
    errors: ["spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value"],
  },
  {
    what: "two projected files of one path",
    kind: "pods",
    body: vol({
      projected: {
        sources: [
          { secret: { name: "s", items: [{ key: "a", path: "x" }] } },
          { configMap: { name: "m", items: [{ key: "a", path: "x" }] } },
        ],
      },
    }),
    errors: ['spec.volumes[0].projected: Invalid value: "x": conflicting duplicate paths'],
  },
  {
    what: "a projected source of two kinds",
    kind: "pods",
    body: vol({ projected: { sources: [{ secret: { name: "s" }, configMap: { name: "m" } }] } }),
    errors: [
      "spec.volumes[0].projected.sources[0].configMap: Forbidden: may not specify more than 1 volume type per source",
    ],
  },
  {
    what: "a projected Secret without a name",
    kind: "pods",
    body: vol({ projected: { sources: [{ secret: {} }] } }),
    errors: ["spec.volumes[0].projected.sources[0].secret.name: Required value"],
  },
  {
    what: "a token of a minute",
    kind: "pods",
    body: vol({ projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 60 } }] } }),
    errors: [
      "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes",
      "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
    ],
  },
  {
    what: "a token of two centuries",
    kind: "pods",
    body: vol({ projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 4294967297 } }] } }),
    errors: [
      "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds",
      "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
    ],
  },
  {
    what: "a token without a path",
    kind: "pods",
    body: vol({ projected: { sources: [{ serviceAccountToken: { path: "" } }] } }),
    errors: [
      "spec.volumes[0].projected.path: Required value",
      "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
    ],
  },
  {
    what: "a driver without a name",
    kind: "pods",
    body: vol({ csi: { driver: "" } }),
    errors: ["spec.volumes[0].csi.driver: Required value"],
  },
  {
    what: "a driver of 64 characters",
    kind: "pods",
    body: vol({ csi: { driver: "d".repeat(64) } }),
    errors: ["spec.volumes[0].csi.driver: Too long: may not be more than 63 bytes"],
  },
  {
    what: "a driver with a blank",
    kind: "pods",
    body: vol({ csi: { driver: "a b" } }),
    errors: [
      "spec.volumes[0].csi.driver: Invalid value: \"a b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "an ephemeral volume without a template",
    kind: "pods",
    body: vol({ ephemeral: {} }),
    errors: ["spec.volumes[0].ephemeral.volumeClaimTemplate: Required value"],
  },
  {
    what: "an ephemeral volume whose claim's name is too long",
    kind: "pods",
    body: pod(
      { volumes: [{ name: "v".repeat(63), ephemeral: { volumeClaimTemplate: { spec: {} } } }] },
      { metadata: { name: "a".repeat(200) } },
    ),
    errors: [
      'spec.volumes[0].name: Invalid value: "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv": PVC name "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv": must be no more than 253 characters',
    ],
  },
  {
    what: "an image volume without a reference",
    kind: "pods",
    body: vol({ image: {} }),
    errors: ["spec.volumes[0].image.reference: Required value"],
  },
  {
    what: "a variable without a name",
    kind: "pods",
    body: c({ env: [{ name: "" }] }),
    errors: ["spec.containers[0].env[0].name: Required value"],
  },
  {
    what: "a variable of a ConfigMap in capitals",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "A", key: "k" } } }] }),
    errors: [
      "spec.containers[0].env[0].valueFrom.configMapKeyRef.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "a variable of no key",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "a", key: "" } } }] }),
    errors: ["spec.containers[0].env[0].valueFrom.configMapKeyRef.key: Required value"],
  },
  {
    what: "a variable of a key with a blank",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { secretKeyRef: { name: "a", key: "a b" } } }] }),
    errors: [
      "spec.containers[0].env[0].valueFrom.secretKeyRef.key: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
  },
  {
    what: "a variable from two sources",
    kind: "pods",
    body: c({
      env: [
        { name: "A", valueFrom: { secretKeyRef: { name: "a", key: "k" }, configMapKeyRef: { name: "a", key: "k" } } },
      ],
    }),
    errors: [
      'spec.containers[0].env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time',
    ],
  },
  {
    what: "a variable from nowhere",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: {} }] }),
    errors: [
      'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    ],
  },
  {
    what: "a variable of a file without names",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { fileKeyRef: { key: "", path: "", volumeName: "" } } }] }),
    errors: [
      "spec.containers[0].env[0].valueFrom.fileKeyRef.key: Required value",
      "spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Required value",
      "spec.containers[0].env[0].valueFrom.fileKeyRef.path: Required value",
    ],
  },
  {
    what: "a variable of a file in no volume",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { fileKeyRef: { key: "k", path: "p", volumeName: "x" } } }] }),
    errors: ['spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: "x"'],
  },
  {
    what: "a variable of a file in a Secret",
    kind: "pods",
    body: c(
      { env: [{ name: "A", valueFrom: { fileKeyRef: { key: "k", path: "p", volumeName: "v" } } }] },
      { volumes: [{ name: "v", secret: { secretName: "s" } }] },
    ),
    errors: [
      'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "v": referenced volume must be of type emptyDir',
    ],
  },
  {
    what: "a variable of no field",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "" } } }] }),
    errors: ["spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Required value"],
  },
  {
    what: "a variable of a label with a blank",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.labels['a b']" } } }] }),
    errors: [
      "spec.containers[0].env[0].valueFrom.fieldRef: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "a variable of a subscript that is none",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.nodeName['a']" } } }] }),
    errors: [
      "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.nodeName['a']\": error converting fieldPath: field label not supported: spec.nodeName['a']",
    ],
  },
  {
    what: "a variable of no resource",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { resourceFieldRef: { resource: "" } } }] }),
    errors: ["spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Required value"],
  },
  {
    what: "a variable of an unknown resource",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { resourceFieldRef: { resource: "limits.gpu" } } }] }),
    errors: [
      'spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"',
    ],
  },
  {
    what: "a divisor that is none",
    kind: "pods",
    body: c({ env: [{ name: "A", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "3" } } }] }),
    errors: [
      'spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource',
    ],
  },
  {
    what: "a prefix with an equals sign",
    kind: "pods",
    body: c({ envFrom: [{ prefix: "A=", configMapRef: { name: "m" } }] }),
    errors: [
      "spec.containers[0].envFrom[0].prefix: Invalid value: \"A=\": a valid environment variable name must consist only of printable ASCII characters other than '='",
    ],
  },
  {
    what: "variables of a ConfigMap without a name",
    kind: "pods",
    body: c({ envFrom: [{ configMapRef: {} }] }),
    errors: ["spec.containers[0].envFrom[0].configMapRef.name: Required value"],
  },
  {
    what: "variables of a Secret in capitals",
    kind: "pods",
    body: c({ envFrom: [{ secretRef: { name: "A" } }] }),
    errors: [
      "spec.containers[0].envFrom[0].secretRef.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "variables from two sources",
    kind: "pods",
    body: c({ envFrom: [{ secretRef: { name: "a" }, configMapRef: { name: "a" } }] }),
    errors: ['spec.containers[0].envFrom: Invalid value: "": may not have more than one field specified at a time'],
  },
  {
    what: "variables from nowhere",
    kind: "pods",
    body: c({ envFrom: [{}] }),
    errors: ['spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
  },
];
