import type { Clock, Log } from "../../env/env.ts";
import type { Pod, ServiceAccountTokenProjection, TokenRequest } from "../../kinds/generated/types.ts";
import { messageOf } from "../../util/errors.ts";
import { parseTime } from "../../util/time-format.ts";
import type { Millis } from "../../util/time.ts";
import type { Reporter } from "../desired.ts";
import { tokenLifeSeconds, tokenRenewMaxMs, tokenRenewPercent, tokenRetryMs, tokenWaitMs } from "./limits.ts";

/**
 * ServiceAccount tokens of pods, bound to the pod, renewed at 80 % of their life or after a day. A
 * token that cannot be renewed now is served as long as it is good.
 */
export interface Tokens {
  /** Throws when there is no token in time. `renewAt`: wall time. */
  token(pod: Pod, source: ServiceAccountTokenProjection): Promise<{ readonly token: string; readonly renewAt: Millis }>;
  forget(podUid: string): void;
}

interface Held {
  readonly token: string;
  readonly renewAt: Millis;
  readonly expiresAt: Millis;
}

interface Slot {
  held: Held | undefined;
  fetching: Promise<Held> | undefined;
}

export function createTokens(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Reporter;
}): Tokens {
  const { clock, log, reporter } = options;
  const pods = new Map<string, Map<string, Slot>>();

  return {
    async token(pod, source) {
      const slot = slotOf(pod.metadata.uid, JSON.stringify([source.audience, source.expirationSeconds]));
      const now = clock.wall();
      if (slot.held !== undefined && now < slot.held.renewAt) return slot.held;
      try {
        return await inTime(fetch(slot, pod, source));
      } catch (error) {
        if (slot.held === undefined || now >= slot.held.expiresAt) throw error;
        log("warn", "token.kept", { pod: pod.metadata.uid, error: messageOf(error) });
        return { token: slot.held.token, renewAt: now + tokenRetryMs };
      }
    },
    forget: (podUid) => void pods.delete(podUid),
  };

  function slotOf(podUid: string, key: string): Slot {
    const slots = pods.get(podUid) ?? new Map<string, Slot>();
    pods.set(podUid, slots);
    const slot = slots.get(key) ?? { held: undefined, fetching: undefined };
    slots.set(key, slot);
    return slot;
  }

  /** One request at a time; an answer that comes late serves the next question. */
  async function fetch(slot: Slot, pod: Pod, source: ServiceAccountTokenProjection): Promise<Held> {
    slot.fetching ??= request(pod, source)
      .then((held) => {
        slot.held = held;
        return held;
      })
      .finally(() => {
        slot.fetching = undefined;
      });
    return slot.fetching;
  }

  async function request(pod: Pod, source: ServiceAccountTokenProjection): Promise<Held> {
    const { name, uid, namespace = "" } = pod.metadata;
    const now = clock.wall();
    const account = pod.spec.serviceAccountName ?? "default";
    const reply = (await reporter.report({
      verb: "create",
      kind: "serviceaccounts",
      namespace,
      name: account,
      subresource: "token",
      object: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        metadata: {},
        spec: {
          audiences: source.audience === undefined || source.audience === "" ? [] : [source.audience],
          expirationSeconds: source.expirationSeconds ?? tokenLifeSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      },
    })) as TokenRequest;
    const token = reply.status?.token ?? "";
    if (token === "") throw new Error(`the masters gave no token for the service account ${account}`);
    const life = (source.expirationSeconds ?? tokenLifeSeconds) * 1_000;
    const expiresAt = parseTime(reply.status?.expirationTimestamp) ?? now + life;
    const renewAfter = Math.min(((expiresAt - now) * tokenRenewPercent) / 100, tokenRenewMaxMs);
    return { token, renewAt: now + renewAfter, expiresAt };
  }

  async function inTime<T>(work: Promise<T>): Promise<T> {
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      const timer = clock.after(tokenWaitMs, () =>
        reject(new Error("the masters have not answered the token request yet")),
      );
      cancel = () => timer.cancel();
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      cancel();
    }
  }
}
