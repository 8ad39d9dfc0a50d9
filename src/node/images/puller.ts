import type { Clock } from "../../env/env.ts";
import { messageOf } from "../../util/errors.ts";
import { type Cri, CriError, type Image, type RegistryAuth } from "../cri/cri.ts";
import { backoffFirstMs, backoffForgetMs, backoffMaxMs, concurrentPullsMax, imagePresentMs } from "./limits.ts";
import { fullName, parseReference, type PullPolicy, registryUrl } from "./reference.ts";

/**
 * Brings a container's image onto the node by its policy. Several pods that want the same image
 * with the same credentials share one pull; a pull that failed is not tried again for this pod
 * before its back-off is over (10 s, doubled to 5 min).
 */
export interface Puller {
  /** Never rejects for what the pod's status can say. */
  ensure(request: PullRequest): Promise<PullOutcome>;
}

export interface PullRequest {
  readonly image: string;
  readonly policy: PullPolicy;
  readonly podUid: string;
  /** Tried in turn; without any, or after all, an anonymous pull. */
  readonly credentials?: readonly Omit<RegistryAuth, "serverAddress">[];
  /** Told when a pull really begins (event `Pulling`). */
  readonly onPulling?: () => void;
}

export type PullFailureReason =
  | "ErrImagePull"
  | "ImagePullBackOff"
  | "ErrImageNeverPull"
  | "InvalidImageName"
  | "ImageInspectError";

export type PullOutcome =
  | {
      readonly kind: "present";
      readonly image: Image;
      /** False: it was here. */
      readonly pulled: boolean;
      readonly tookMs: number;
    }
  | {
      readonly kind: "failed";
      readonly reason: PullFailureReason;
      readonly message: string;
      /** When it may be asked again; absent: not before the pod changes. Monotonic, ms. */
      readonly retryAtMs?: number;
    };

export interface PullerOptions {
  readonly cri: Cri;
  readonly clock: Clock;
}

interface Backoff {
  readonly untilMs: number;
  readonly delayMs: number;
  readonly message: string;
}

interface State extends PullerOptions {
  readonly backoffs: Map<string, Backoff>;
  readonly running: Map<string, Promise<Image>>;
  readonly slots: Slots;
  /** Images that were here a moment ago. */
  readonly present: Map<string, { readonly image: Image; readonly untilMs: number }>;
}

export function createPuller(options: PullerOptions): Puller {
  const state: State = {
    ...options,
    backoffs: new Map(),
    running: new Map(),
    present: new Map(),
    slots: createSlots(concurrentPullsMax),
  };
  return { ensure: (request) => ensure(state, request) };
}

async function ensure(state: State, request: PullRequest): Promise<PullOutcome> {
  const { image, policy } = request;
  const reference = parseReference(image);
  if (reference === undefined) {
    const message = `Failed to apply default image tag "${image}": couldn't parse image reference`;
    return { kind: "failed", reason: "InvalidImageName", message };
  }
  const name = fullName(reference);
  const present = await inspect(state, name);
  if (present instanceof CriError) {
    const message = `Failed to inspect image "${image}": ${present.message}`;
    return { kind: "failed", reason: "ImageInspectError", message };
  }
  if (policy !== "Always" && present !== undefined) {
    return { kind: "present", image: present, pulled: false, tookMs: 0 };
  }
  if (policy === "Never") {
    const message = `Container image "${image}" is not present with pull policy of Never`;
    return { kind: "failed", reason: "ErrImageNeverPull", message };
  }
  return pullWithBackoff(state, request, name, registryUrl(reference));
}

/** Many pods of one image that start together ask once: what was here a moment ago is here. */
async function inspect({ cri, clock, present }: State, name: string): Promise<Image | undefined | CriError> {
  const known = present.get(name);
  if (known !== undefined && clock.mono() < known.untilMs) return known.image;
  present.delete(name);
  try {
    const image = await cri.imageStatus(name);
    if (image !== undefined) present.set(name, { image, untilMs: clock.mono() + imagePresentMs });
    return image;
  } catch (error) {
    if (error instanceof CriError) return error;
    throw error;
  }
}

async function pullWithBackoff(
  state: State,
  request: PullRequest,
  name: string,
  registry: string,
): Promise<PullOutcome> {
  const { clock, backoffs } = state;
  const key = `${request.podUid} ${name}`;
  const startMs = clock.mono();
  const before = backoffs.get(key);
  if (before !== undefined && startMs < before.untilMs) {
    return {
      kind: "failed",
      reason: "ImagePullBackOff",
      message: `Back-off pulling image "${request.image}": ErrImagePull: ${before.message}`,
      retryAtMs: before.untilMs,
    };
  }
  forgetOld(state);
  try {
    const image = await pullShared(state, request, name, registry);
    backoffs.delete(key);
    // The name may stand for another image now.
    state.present.delete(name);
    return { kind: "present", image, pulled: true, tookMs: clock.mono() - startMs };
  } catch (error) {
    const message = messageOf(error);
    const delayMs = Math.min((before?.delayMs ?? backoffFirstMs / 2) * 2, backoffMaxMs);
    const untilMs = clock.mono() + delayMs;
    backoffs.set(key, { untilMs, delayMs, message });
    return { kind: "failed", reason: "ErrImagePull", message, retryAtMs: untilMs };
  }
}

function pullShared(state: State, request: PullRequest, name: string, registry: string): Promise<Image> {
  const key = JSON.stringify([name, request.credentials ?? []]);
  const running = state.running.get(key);
  if (running !== undefined) return running;
  const pull = state.slots
    .take(() => {
      request.onPulling?.();
      return pullOnce(state.cri, request, name, registry);
    })
    .finally(() => state.running.delete(key));
  state.running.set(key, pull);
  return pull;
}

async function pullOnce(cri: Cri, { credentials = [] }: PullRequest, name: string, registry: string): Promise<Image> {
  let id: string | undefined;
  for (const each of credentials) {
    try {
      id = await cri.pullImage(name, { auth: { ...each, serverAddress: registry } });
      break;
    } catch (error) {
      // The next credentials may do; what the anonymous pull says is what counts.
      if (!(error instanceof CriError && error.kind === "failed")) throw error;
    }
  }
  id ??= await cri.pullImage(name);
  const image = await cri.imageStatus(id);
  if (image === undefined) throw new CriError("failed", "pullImage", `${name} is gone again`);
  return image;
}

function forgetOld({ backoffs, clock }: State): void {
  for (const [key, { untilMs }] of backoffs) {
    if (clock.mono() > untilMs + backoffForgetMs) backoffs.delete(key);
  }
}

interface Slots {
  take<T>(run: () => Promise<T>): Promise<T>;
}

/** Runs at most `count` at once, in the order of asking. */
function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  return {
    take: async (run) => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await run();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
