import { CM, D, P, type Answer, type Loose } from "../harness.ts";

/** A question of a client and what Kubernetes answers. */
export interface Step {
  /** `METHOD target`; a function where it depends on what was answered before. */
  readonly ask: string | ((earlier: readonly Answer[]) => string);
  readonly body?: Loose;
  readonly headers?: Readonly<Record<string, string>>;
  readonly code: number;
  /** The message of a Status, or the text of any other answer. */
  readonly says?: RegExp;
  readonly lacks?: RegExp;
  /** A part of the answer's JSON. */
  readonly like?: Loose;
}

/** Steps of one story, each of which is answered as it says. A `body` or `like` may be made of the earlier answers. */
export interface Case {
  readonly what: string;
  readonly steps: readonly Step[];
}

type Rest = Omit<Step, "ask" | "code" | "body">;

export function get(target: Step["ask"], code: number, rest: Rest = {}): Step {
  return { ask: typeof target === "string" ? `GET ${target}` : target, code, ...rest };
}
export function post(target: string, body: Loose, code: number, rest: Rest = {}): Step {
  return { ask: `POST ${target}`, body, code, ...rest };
}
export function put(target: string, body: Loose, code: number, rest: Rest = {}): Step {
  return { ask: `PUT ${target}`, body, code, ...rest };
}
export function del(target: string, code: number, body?: Loose, rest: Rest = {}): Step {
  return { ask: `DELETE ${target}`, code, ...(body === undefined ? {} : { body }), ...rest };
}

const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

export function patch(type: keyof typeof patchTypes, target: string, body: Loose, code: number, rest: Rest = {}): Step {
  return { ask: `PATCH ${target}`, body, code, headers: { "content-type": patchTypes[type] }, ...rest };
}

/** Of the latest answer. */
export function last(earlier: readonly Answer[]): Loose {
  return earlier.at(-1)!.json;
}

export const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
export const S = "/api/v1/namespaces/n/services";
export const secrets = "/api/v1/namespaces/n/secrets";
export { CM, D, P };
