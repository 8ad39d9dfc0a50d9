import { field, list, object, type ObjectSchema } from "../schema.ts";
import { labelSelectorSchema, objectMetaSchema } from "./meta.ts";
import { podTemplateSpecSchema } from "./pod.ts";

export const rollingUpdateDeploymentSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.RollingUpdateDeployment",
  "How far a rolling update may go below and above the wanted number of pods.",
  {
    maxUnavailable: field(
      1,
      "intOrString",
      "Most pods that may be missing meanwhile, a number or a share such as 25% (the default), rounded down.",
    ),
    maxSurge: field(
      2,
      "intOrString",
      "Most pods above the wanted number, a number or a share such as 25% (the default), rounded up.",
    ),
  },
);

export const deploymentStrategySchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.DeploymentStrategy",
  "How old pods are replaced by new ones.",
  {
    type: field(
      1,
      "string",
      "RollingUpdate (the default) replaces little by little; Recreate first stops all old pods.",
    ),
    rollingUpdate: field(2, rollingUpdateDeploymentSchema, "Limits of a rolling update; only with type RollingUpdate."),
  },
);

export const deploymentSpecSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.DeploymentSpec",
  "How many pods a deployment keeps, what they look like and how they are replaced.",
  {
    replicas: field(1, "int32", "Number of pods wanted; default 1.", { presence: true }),
    selector: field(
      2,
      labelSelectorSchema,
      "Labels by which the deployment finds its pods; must match the template's, and is fixed.",
      { required: true },
    ),
    template: field(
      3,
      podTemplateSpecSchema,
      "What the pods look like; a change of it starts a rollout. Its restartPolicy must be Always.",
      { required: true },
    ),
    strategy: field(4, deploymentStrategySchema, "How a rollout replaces old pods by new ones.", { retainKeys: true }),
    minReadySeconds: field(
      5,
      "int32",
      "Seconds a new pod must be ready without a crash to count as available; default 0.",
    ),
    revisionHistoryLimit: field(6, "int32", "Number of old ReplicaSets kept to go back to; default 10.", {
      presence: true,
    }),
    paused: field(7, "bool", "If true, changes of the template start no rollout until the deployment is resumed."),
    progressDeadlineSeconds: field(
      9,
      "int32",
      "Seconds without progress after which a rollout is reported as failed; default 600.",
      { presence: true },
    ),
  },
);

export const deploymentConditionSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.DeploymentCondition",
  "One aspect of the deployment's state, as last observed.",
  {
    type: field(1, "string", "Aspect of the deployment: Available, Progressing or ReplicaFailure.", { required: true }),
    status: field(2, "string", "Whether the deployment is in this condition: True, False or Unknown.", {
      required: true,
    }),
    reason: field(4, "string", "One word in CamelCase for the cause of the deployment condition's last change."),
    message: field(5, "string", "Sentence for people about the deployment condition's last change."),
    lastUpdateTime: field(6, "time", "Time at which this deployment condition was last updated."),
    lastTransitionTime: field(7, "time", "Time at which the status of this deployment condition last changed."),
  },
);

export const deploymentStatusSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.DeploymentStatus",
  "How far the deployment has got.",
  {
    observedGeneration: field(1, "int64", "Generation of the deployment from which the status was derived."),
    replicas: field(2, "int32", "Number of pods of the deployment, old and new, without terminating ones."),
    updatedReplicas: field(3, "int32", "Number of pods that follow the present template, without terminating ones."),
    availableReplicas: field(4, "int32", "Number of pods that have been ready for at least minReadySeconds."),
    unavailableReplicas: field(
      5,
      "int32",
      "Number of pods still missing, or not available yet, to reach the wanted number.",
    ),
    conditions: field(
      6,
      list("map", deploymentConditionSchema, {
        keys: ["type"],
        patch: { strategy: "merge", key: "type" },
      }),
      "Aspects of the deployment's state, one of each type.",
    ),
    readyReplicas: field(7, "int32", "Number of the deployment's pods that are ready."),
    collisionCount: field(
      8,
      "int32",
      "How often a ReplicaSet's name was taken already; goes into the hash of the next name.",
      { presence: true },
    ),
    terminatingReplicas: field(
      9,
      "int32",
      "Number of the deployment's pods that are being deleted and have not ended.",
      { presence: true },
    ),
  },
);

export const deploymentSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.Deployment",
  "Keeps a number of equal pods running and rolls changes of their template out.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the deployment."),
    spec: field(2, deploymentSpecSchema, "What the deployment is to keep running."),
    status: field(
      3,
      deploymentStatusSchema,
      "What was last observed of the deployment; may lag behind, read-only for users.",
    ),
  },
);
