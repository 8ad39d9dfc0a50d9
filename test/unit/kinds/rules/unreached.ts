/**
 * Rules that no body can break, because defaults or the server fill the field before: they stand for
 * whoever calls the rules with an object that was not prepared.
 */
export const unreached: readonly string[] = [
  'metadata.ts: errors.invalid("metadata.generation", meta.generation ?? 0, "must not be decremented");',
  'metadata.ts: } else if (namespace === "") errors.required("metadata.namespace");',
  'pod-validate-env.ts: if ((ref.apiVersion ?? "") === "") errors.required(`${path}.apiVersion`);',
  'pod-validate-probe.ts: if ((action.path ?? "") === "") errors.required(`${path}.path`);',
  'pod-validate-security.ts: else if (file === "") errors.required(here, "must be set when AppArmor type is Localhost");',
  'pod-validate-volume.ts: if (found === 0) rules.errors.required(path, "must specify a volume type");',
  'service-rules.ts: errors.forbidden("spec.sessionAffinityConfig", "must not be set when session affinity is None");',
  'service-rules.ts: } else if (ip !== "") errors.required(`${here}.ipMode`, "must be specified when `ip` is set");',
  'service-rules.ts: } else if (spec.type !== "ExternalName") errors.required("spec.internalTrafficPolicy");',
];
