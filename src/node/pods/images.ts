import type { Clock } from "../../env/env.ts";
import type { Container, Secret } from "../../kinds/generated/types.ts";
import { decodeBase64 } from "../../util/base64.ts";
import type { RegistryAuth } from "../cri/cri.ts";
import type { Desired } from "../desired.ts";
import type { Puller } from "../images/puller.ts";
import { defaultPullPolicy, parseReference, type PullPolicy } from "../images/reference.ts";
import type { EventRecorder } from "./events.ts";
import { containerPath } from "./events.ts";
import { pullFailureShownMs } from "./limits.ts";
import type { Images } from "./ports.ts";
import { StartError } from "./ports.ts";

/** A container's image by its pull policy, with the pod's pull secrets and the kubelet's Events. */
export interface ImagesOptions {
  readonly clock: Clock;
  readonly desired: Desired;
  readonly events: EventRecorder;
  readonly puller: Puller;
}

export function createImages({ clock, desired, events, puller }: ImagesOptions): Images {
  return {
    async ensure(pod, container) {
      const name = container.image ?? "";
      const record = (type: "Normal" | "Warning", reason: string, message: string): void => {
        events.record(pod, { type, reason, message, fieldPath: containerPath(pod, container.name) });
      };
      const secrets = (pod.spec.imagePullSecrets ?? []).map((secret) =>
        desired.get<Secret>("secrets", pod.metadata.namespace ?? "", secret.name ?? ""),
      );
      const outcome = await puller.ensure({
        image: name,
        policy: policyOf(container, name),
        podUid: pod.metadata.uid,
        credentials: credentialsFor(name, secrets),
        onPulling: () => record("Normal", "Pulling", `Pulling image "${name}"`),
      });
      if (outcome.kind === "failed") {
        const { reason, message, retryAtMs } = outcome;
        if (reason === "ImagePullBackOff") record("Normal", "BackOff", `Back-off pulling image "${name}"`);
        else if (reason === "ErrImagePull") record("Warning", "Failed", `Failed to pull image "${name}": ${message}`);
        else record("Warning", reason === "ImageInspectError" ? "InspectFailed" : reason, message);
        record("Warning", "Failed", `Error: ${reason}`);
        throw new StartError(reason, message, retryTime(clock, reason, retryAtMs));
      }
      const { image, pulled, tookMs } = outcome;
      record("Normal", "Pulled", pulledText(name, pulled, tookMs, image.sizeBytes));
      return { id: image.id, username: image.username, ...(image.uid === undefined ? {} : { uid: image.uid }) };
    },
  };
}

/** A pull that failed is shown for a moment; asked again, the puller says that it backs off, and until when. */
function retryTime(clock: Clock, reason: string, retryAtMs: number | undefined): { readonly retryAt?: number } {
  if (reason === "ErrImagePull") return { retryAt: clock.wall() + pullFailureShownMs };
  return retryAtMs === undefined ? {} : { retryAt: clock.wall() + retryAtMs - clock.mono() };
}

function policyOf(container: Container, image: string): PullPolicy {
  const policy = container.imagePullPolicy;
  return policy === "Always" || policy === "IfNotPresent" || policy === "Never" ? policy : defaultPullPolicy(image);
}

function pulledText(name: string, pulled: boolean, tookMs: number, bytes: number): string {
  if (!pulled) return `Container image "${name}" already present on machine`;
  const took = tookMs < 1_000 ? `${Math.round(tookMs)}ms` : `${(tookMs / 1_000).toFixed(3)}s`;
  return `Successfully pulled image "${name}" in ${took} (${took} including waiting). Image size: ${bytes} bytes.`;
}

type Credentials = Omit<RegistryAuth, "serverAddress">;

interface Login {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

/** Logins that fit the image, the most specific registry first. */
export function credentialsFor(image: string, secrets: readonly (Secret | undefined)[]): readonly Credentials[] {
  const reference = parseReference(image);
  if (reference === undefined) return [];
  const found: { readonly length: number; readonly credentials: Credentials }[] = [];
  for (const secret of secrets) {
    for (const [key, login] of Object.entries(loginsOf(secret))) {
      const place = plainKey(key);
      if (fits(place, reference.repository)) found.push({ length: place.length, credentials: credentialsOf(login) });
    }
  }
  return found.toSorted((a, b) => b.length - a.length).map(({ credentials }) => credentials);
}

function loginsOf(secret: Secret | undefined): Readonly<Record<string, Login>> {
  const text = (key: string): string =>
    new TextDecoder().decode(decodeBase64(secret?.data?.[key] ?? "") ?? new Uint8Array());
  try {
    const config = text(".dockerconfigjson");
    if (config !== "") return (JSON.parse(config) as { auths?: Record<string, Login> }).auths ?? {};
    const old = text(".dockercfg");
    return old === "" ? {} : (JSON.parse(old) as Record<string, Login>);
  } catch (error) {
    // A secret that is no JSON logs nobody in; the pull says what the registry wants.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** `https://index.docker.io/v1/` is docker.io; schemes and API versions do not count. */
function plainKey(key: string): string {
  const plain = key
    .replace(/^https?:\/\//, "")
    .replace(/\/v[12]\/?$/, "")
    .replace(/\/$/, "");
  return plain === "index.docker.io" ? "docker.io" : plain;
}

/** Host labels may be `*`; a path must be a prefix in whole parts. */
function fits(place: string, repository: string): boolean {
  const [host = "", ...path] = place.split("/");
  const [imageHost = "", ...imagePath] = repository.split("/");
  const labels = host.split(".");
  const imageLabels = imageHost.split(".");
  const hostFits =
    labels.length === imageLabels.length &&
    labels.every((label, index) =>
      label.includes("*")
        ? new RegExp(`^${label.replaceAll(/[^*\w-]/g, "\\$&").replaceAll("*", "[^.]*")}$`).test(imageLabels[index]!)
        : label === imageLabels[index],
    );
  return hostFits && path.every((part, index) => part === imagePath[index]);
}

function credentialsOf(login: Login): Credentials {
  const decoded = new TextDecoder().decode(decodeBase64(login.auth ?? "") ?? new Uint8Array());
  const colon = decoded.indexOf(":");
  const username = login.username ?? (colon < 0 ? undefined : decoded.slice(0, colon));
  const password = login.password ?? (colon < 0 ? undefined : decoded.slice(colon + 1));
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(login.identitytoken === undefined ? {} : { identityToken: login.identitytoken }),
  };
}
