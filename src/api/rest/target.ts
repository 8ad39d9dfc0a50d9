import { badRequest } from "../../kinds/status-errors.ts";

/**
 * The request target, taken apart once. Path steps are decoded one by one, so that an encoded slash
 * stays inside its step and is refused where a name is expected.
 */
export interface Target {
  /** Path as sent, without a trailing slash: `/api/v1/pods`. */
  readonly path: string;
  readonly steps: readonly string[];
  readonly query: Query;
}

export interface Query {
  /** First value; undefined where absent. */
  get(name: string): string | undefined;
  all(name: string): readonly string[];
  has(name: string): boolean;
  /** Nothing was asked. */
  readonly isEmpty: boolean;
  /** `true`, `True`, `1` and the bare name are true; everything else is false. */
  flag(name: string): boolean;
}

export function parseTarget(target: string): Target {
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const query = parseQuery(mark < 0 ? "" : target.slice(mark + 1));
  // An empty step is no step to leave out: such a path leads nowhere, and is authorised as it was sent.
  if (rawPath.includes("//")) return { path: rawPath, steps: [rawPath], query };
  const steps = rawPath
    .split("/")
    .filter((step) => step !== "")
    .map(decodeStep);
  return {
    path: `/${steps.join("/")}`,
    steps,
    query,
  };
}

function decodeStep(step: string): string {
  if (!step.includes("%")) return step;
  try {
    return decodeURIComponent(step);
  } catch (error) {
    throw badRequest(`invalid URL escape in "${step}": ${String(error)}`);
  }
}

export const noQuery: Query = {
  get: () => undefined,
  all: () => [],
  has: () => false,
  isEmpty: true,
  flag: () => false,
};

function parseQuery(text: string): Query {
  if (text === "") return noQuery;
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const list = values.get(name);
    if (list === undefined) values.set(name, [value]);
    else list.push(value);
  }
  return {
    get: (name) => values.get(name)?.[0],
    all: (name) => values.get(name) ?? [],
    has: (name) => values.has(name),
    isEmpty: values.size === 0,
    flag: (name) => {
      const value = values.get(name)?.[0]?.toLowerCase();
      return value !== undefined && ["true", "1", "t", ""].includes(value);
    },
  };
}
