import { field, list, object, type ObjectSchema } from "../schema.ts";

export const capabilitiesSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Capabilities",
  "Changes to the Linux capabilities that the runtime grants by default.",
  {
    add: field(1, list("atomic", "string"), "Capabilities granted besides the default ones, without the CAP_ prefix."),
    drop: field(2, list("atomic", "string"), "Capabilities taken from the default ones; ALL drops every one."),
  },
);

export const seLinuxOptionsSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SELinuxOptions",
  "Parts of an SELinux label.",
  {
    user: field(1, "string", "User part of the label."),
    role: field(2, "string", "Role part of the label."),
    type: field(3, "string", "Type part of the label."),
    level: field(4, "string", "Level part of the label."),
  },
);

export const windowsSecurityContextOptionsSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.WindowsSecurityContextOptions",
  "Security settings of Windows containers.",
  {
    gmsaCredentialSpecName: field(1, "string", "Name of the GMSA credential spec for the container's identity.", {
      presence: true,
    }),
    gmsaCredentialSpec: field(2, "string", "Content of the GMSA credential spec, filled in by an admission webhook.", {
      presence: true,
    }),
    runAsUserName: field(3, "string", "Windows user of the main process; absent means the image's.", {
      presence: true,
    }),
    hostProcess: field(
      4,
      "bool",
      "If true, the containers run on the host itself; the same for all of the pod, with hostNetwork.",
      { presence: true },
    ),
  },
);

export const seccompProfileSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SeccompProfile",
  "Which system calls a process may make.",
  {
    type: field(1, "string", "RuntimeDefault, Localhost for a file on the node, or Unconfined.", { required: true }),
    localhostProfile: field(
      2,
      "string",
      "File of the seccomp profile below the node's seccomp folder; only with type Localhost.",
      { presence: true },
    ),
  },
);

export const appArmorProfileSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.AppArmorProfile",
  "Which AppArmor rules confine a process.",
  {
    type: field(1, "string", "RuntimeDefault, Localhost for a profile loaded on the node, or Unconfined.", {
      required: true,
    }),
    localhostProfile: field(2, "string", "Name of the AppArmor profile loaded on the node; only with type Localhost.", {
      presence: true,
    }),
  },
);

export const securityContextSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SecurityContext",
  "Security settings of one container, which override those of the pod.",
  {
    capabilities: field(
      1,
      capabilitiesSchema,
      "Linux capabilities to add or drop; absent means the runtime's default set.",
    ),
    privileged: field(
      2,
      "bool",
      "If true, the container's processes have all rights of root on the node; default false.",
      {
        presence: true,
      },
    ),
    seLinuxOptions: field(3, seLinuxOptionsSchema, "SELinux label of the container; absent means the pod's."),
    runAsUser: field(4, "int64", "User id of the container's main process; absent means the pod's, then the image's.", {
      presence: true,
    }),
    runAsNonRoot: field(
      5,
      "bool",
      "If true, the container is refused at start if it would run as user 0; absent means the pod's.",
      { presence: true },
    ),
    readOnlyRootFilesystem: field(
      6,
      "bool",
      "If true, the container cannot write to its root file system; default false.",
      { presence: true },
    ),
    allowPrivilegeEscalation: field(
      7,
      "bool",
      "If false, no process gains rights its parent lacks; default true, and always so if privileged.",
      { presence: true },
    ),
    runAsGroup: field(
      8,
      "int64",
      "Group id of the container's main process; absent means the pod's, then the runtime's default.",
      { presence: true },
    ),
    procMount: field(
      9,
      "string",
      "How /proc is mounted: Default hides and locks some paths, Unmasked none; the latter needs hostUsers false.",
      { presence: true },
    ),
    windowsOptions: field(
      10,
      windowsSecurityContextOptionsSchema,
      "Settings for a Windows container only; absent means the pod's.",
    ),
    seccompProfile: field(11, seccompProfileSchema, "System call filter of the container; absent means the pod's."),
    appArmorProfile: field(12, appArmorProfileSchema, "AppArmor profile of the container; absent means the pod's."),
  },
);
