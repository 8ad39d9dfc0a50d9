import type { Container, PodSpec, ServiceAccount, Volume, VolumeMount } from "../../kinds/generated/types.ts";
import { nameAlphabet, nameSuffixLength } from "../../kinds/metadata.ts";
import { forbidden } from "../../kinds/status-errors.ts";
import type { Rng } from "../../env/env.ts";
import type { Admission } from "./admission.ts";

/**
 * Gives every pod an identity: its service account, the secrets for pulling images that belong to
 * it, and a token in the place where all client libraries look for it.
 */
export const podServiceAccount: Admission = {
  name: "ServiceAccount",
  applies: (kind, request) => kind.id === "pods" && request.subresource === undefined && request.verb === "create",
  admit: ({ draft, kind, request, transaction }) => {
    if (draft === undefined) return;
    // A mirror pod shows what a node runs by itself; it has no identity.
    if (draft.metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined) return;
    const spec = draft["spec"] as SpecDraft;
    const namespace = draft.metadata.namespace ?? request.namespace;
    const name = spec.serviceAccountName ?? "default";
    spec.serviceAccountName = name;
    spec.serviceAccount = name;
    const account = transaction.get("serviceaccounts", namespace, name)?.object<ServiceAccount>();
    if (account === undefined) {
      throw forbidden(
        kind,
        draft.metadata.name ?? "",
        `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`,
      );
    }
    if ((spec.imagePullSecrets ?? []).length === 0 && account.imagePullSecrets !== undefined) {
      spec.imagePullSecrets = account.imagePullSecrets;
    }
    const automount = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
    if (automount) mountToken(spec, transaction.random);
  },
};

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type SpecDraft = Writable<PodSpec>;

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const volumePrefix = "kube-api-access-";
/** A little over an hour, so that an hour is left after the first renewal (as Kubernetes has it). */
const expirationSeconds = 3_607;

function mountToken(spec: SpecDraft, random: Rng): void {
  const existing = (spec.volumes ?? []).find((volume) => volume.name.startsWith(volumePrefix));
  const name = existing?.name ?? `${volumePrefix}${suffix(random)}`;
  const mount: VolumeMount = { name, readOnly: true, mountPath };
  let mounted = false;
  const add = (container: Container): Container => {
    const mounts = container.volumeMounts ?? [];
    if (mounts.some((item) => item.mountPath === mountPath)) return container;
    mounted = true;
    return { ...container, volumeMounts: [...mounts, mount] };
  };
  if (spec.initContainers !== undefined) spec.initContainers = spec.initContainers.map(add);
  spec.containers = (spec.containers ?? []).map(add);
  if (mounted && existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function suffix(random: Rng): string {
  return Array.from({ length: nameSuffixLength }, () => nameAlphabet.charAt(random.below(nameAlphabet.length))).join(
    "",
  );
}

function tokenVolume(name: string): Volume {
  const defaultMode = 0o644;
  const fieldRef = { apiVersion: "v1", fieldPath: "metadata.namespace" };
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [{ path: "namespace", fieldRef }] } },
      ],
      defaultMode,
    },
  };
}
