import { field, object, type ObjectSchema } from "../schema.ts";
import { localObjectReferenceSchema } from "./core-shared.ts";

export const objectFieldSelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ObjectFieldSelector",
  "A field of the pod.",
  {
    apiVersion: field(1, "string", "Version of the schema in which fieldPath is written; default v1."),
    fieldPath: field(2, "string", "Path of the field, such as metadata.name or status.podIP.", { required: true }),
  },
  { atomic: true },
);

export const resourceFieldSelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ResourceFieldSelector",
  "A resource limit or request of a container.",
  {
    containerName: field(
      1,
      "string",
      "Container that has the resource; required in volumes, absent in env means the container itself.",
    ),
    resource: field(2, "string", "Which one, such as limits.cpu or requests.memory.", { required: true }),
    divisor: field(3, "quantity", "Unit in which the amount is given, rounded up; 0 (the default) means 1.", {
      default: "0",
    }),
  },
  { atomic: true },
);

export const configMapKeySelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ConfigMapKeySelector",
  "A key of a ConfigMap.",
  {
    localObjectReference: field(1, localObjectReferenceSchema, "ConfigMap in the pod's namespace that has the key.", {
      inline: true,
    }),
    key: field(2, "string", "Key whose value is taken from the ConfigMap.", { required: true }),
    optional: field(
      3,
      "bool",
      "If true, a missing ConfigMap or key leaves the variable out; otherwise it keeps the container from starting.",
      { presence: true },
    ),
  },
  { atomic: true },
);

export const secretKeySelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SecretKeySelector",
  "A key of a Secret.",
  {
    localObjectReference: field(1, localObjectReferenceSchema, "Secret in the pod's namespace that has the key.", {
      inline: true,
    }),
    key: field(2, "string", "Key whose value is taken from the Secret.", { required: true }),
    optional: field(
      3,
      "bool",
      "If true, a missing Secret or key leaves the variable out; otherwise it keeps the container from starting.",
      { presence: true },
    ),
  },
  { atomic: true },
);

export const fileKeySelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.FileKeySelector",
  "A variable in a file that an init container wrote to a volume.",
  {
    volumeName: field(1, "string", "Volume of the pod that holds the file.", { required: true }),
    path: field(2, "string", "Path of the file in the volume; relative, without .. in it.", { required: true }),
    key: field(3, "string", "Name of the variable in the file.", { required: true }),
    optional: field(
      4,
      "bool",
      "If true, a missing file or variable is left out; otherwise it keeps the container from starting.",
      { presence: true },
    ),
  },
  { atomic: true },
);

export const envVarSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EnvVarSource",
  "Where the value of a variable comes from; exactly one member is set.",
  {
    fieldRef: field(
      1,
      objectFieldSelectorSchema,
      "Takes the value from a field of the pod, such as metadata.labels['app'] or spec.nodeName.",
    ),
    resourceFieldRef: field(2, resourceFieldSelectorSchema, "Takes the value from a limit or request of a container."),
    configMapKeyRef: field(
      3,
      configMapKeySelectorSchema,
      "Takes the value from a key of a ConfigMap beside the pod, in its namespace.",
    ),
    secretKeyRef: field(
      4,
      secretKeySelectorSchema,
      "Takes the value from a key of a Secret beside the pod, in its namespace.",
    ),
    fileKeyRef: field(5, fileKeySelectorSchema, "Takes the value from a file in a volume of the pod."),
  },
);

export const envVarSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EnvVar",
  "A variable of the container's environment.",
  {
    name: field(1, "string", "Name of the variable; any printable ASCII characters except the equals sign.", {
      required: true,
    }),
    value: field(
      2,
      "string",
      "Text of the variable, in which $(NAME) stands for an earlier one; $$ gives one dollar sign. Default empty.",
    ),
    valueFrom: field(3, envVarSourceSchema, "Source of the value; only where value is empty."),
  },
);

export const configMapEnvSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ConfigMapEnvSource",
  "A ConfigMap whose keys become variables.",
  {
    localObjectReference: field(
      1,
      localObjectReferenceSchema,
      "ConfigMap in the pod's namespace that is read for variables.",
      { inline: true },
    ),
    optional: field(
      2,
      "bool",
      "If true, a missing ConfigMap gives no variables; otherwise it keeps the container from starting.",
      { presence: true },
    ),
  },
);

export const secretEnvSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SecretEnvSource",
  "A Secret whose keys become variables.",
  {
    localObjectReference: field(
      1,
      localObjectReferenceSchema,
      "Secret in the pod's namespace that is read for variables.",
      { inline: true },
    ),
    optional: field(
      2,
      "bool",
      "If true, a missing Secret gives no variables; otherwise it keeps the container from starting.",
      { presence: true },
    ),
  },
);

export const envFromSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EnvFromSource",
  "An object all of whose keys become variables.",
  {
    prefix: field(1, "string", "Text put before each key to give the variable's name; default empty."),
    configMapRef: field(2, configMapEnvSourceSchema, "ConfigMap that provides the variables."),
    secretRef: field(3, secretEnvSourceSchema, "Secret that provides the variables."),
  },
);
