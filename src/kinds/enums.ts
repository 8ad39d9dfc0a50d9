/**
 * Values of the fields that Kubernetes publishes as enumerations, by definition and field: what OpenAPI
 * and `kubectl explain` list. What is accepted is decided by the kinds' rules, not here.
 */
const core = "io.k8s.api.core.v1.";
const protocols = ["SCTP", "TCP", "UDP"];
const pullPolicies = ["Always", "IfNotPresent", "Never"];
const taintEffects = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
const messagePolicies = ["FallbackToLogsOnError", "File"];
const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];
const trafficPolicies = ["Cluster", "Local"];
const inclusionPolicies = ["Honor", "Ignore"];

const enumerations: ReadonlyMap<string, readonly string[]> = new Map([
  ["io.k8s.api.apps.v1.DeploymentStrategy.type", ["Recreate", "RollingUpdate"]],
  ["io.k8s.api.discovery.v1.EndpointPort.protocol", protocols],
  [`${core}AppArmorProfile.type`, profileTypes],
  [`${core}Container.imagePullPolicy`, pullPolicies],
  [`${core}Container.terminationMessagePolicy`, messagePolicies],
  [`${core}ContainerPort.protocol`, protocols],
  [`${core}EndpointPort.protocol`, protocols],
  [`${core}EphemeralContainer.imagePullPolicy`, pullPolicies],
  [`${core}EphemeralContainer.terminationMessagePolicy`, messagePolicies],
  [`${core}HTTPGetAction.scheme`, ["HTTP", "HTTPS"]],
  [
    `${core}HostPathVolumeSource.type`,
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"],
  ],
  [`${core}ImageVolumeSource.pullPolicy`, pullPolicies],
  [`${core}NamespaceStatus.phase`, ["Active", "Terminating"]],
  [`${core}NodeSelectorRequirement.operator`, ["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"]],
  [`${core}NodeStatus.phase`, ["Pending", "Running", "Terminated"]],
  [`${core}PodSecurityContext.fsGroupChangePolicy`, ["Always", "OnRootMismatch"]],
  [`${core}PodSecurityContext.supplementalGroupsPolicy`, ["Merge", "Strict"]],
  [`${core}PodSpec.dnsPolicy`, ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]],
  [`${core}PodSpec.preemptionPolicy`, ["Never", "PreemptLowerPriority"]],
  [`${core}PodSpec.restartPolicy`, ["Always", "Never", "OnFailure"]],
  [`${core}PodStatus.phase`, ["Failed", "Pending", "Running", "Succeeded", "Unknown"]],
  [`${core}PodStatus.qosClass`, ["BestEffort", "Burstable", "Guaranteed"]],
  [`${core}PortStatus.protocol`, protocols],
  [`${core}SeccompProfile.type`, profileTypes],
  [`${core}SecurityContext.procMount`, ["Default", "Unmasked"]],
  [`${core}ServicePort.protocol`, protocols],
  [`${core}ServiceSpec.externalTrafficPolicy`, trafficPolicies],
  [`${core}ServiceSpec.internalTrafficPolicy`, trafficPolicies],
  [`${core}ServiceSpec.ipFamilyPolicy`, ["PreferDualStack", "RequireDualStack", "SingleStack"]],
  [`${core}ServiceSpec.sessionAffinity`, ["ClientIP", "None"]],
  [`${core}ServiceSpec.type`, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]],
  [`${core}Taint.effect`, taintEffects],
  [`${core}Toleration.effect`, taintEffects],
  [`${core}Toleration.operator`, ["Equal", "Exists"]],
  [`${core}TopologySpreadConstraint.nodeAffinityPolicy`, inclusionPolicies],
  [`${core}TopologySpreadConstraint.nodeTaintsPolicy`, inclusionPolicies],
  [`${core}TopologySpreadConstraint.whenUnsatisfiable`, ["DoNotSchedule", "ScheduleAnyway"]],
  [`${core}VolumeMount.mountPropagation`, ["Bidirectional", "HostToContainer", "None"]],
]);

/** Sorted; undefined where the field is no enumeration. `definition`: a schema's name. */
export function enumOf(definition: string, field: string): readonly string[] | undefined {
  return enumerations.get(`${definition}.${field}`);
}

/** `definition.field` of every enumeration: for tests. */
export function enumeratedFields(): readonly string[] {
  return [...enumerations.keys()];
}
