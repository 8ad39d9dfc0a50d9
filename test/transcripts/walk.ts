/** Values in answers that differ from run to run, found by where they stand. */
export interface Found {
  readonly kind: "uid" | "revision" | "name" | "hash" | "token" | "documentHash" | "continue";
  readonly value: string;
  /** JSON pointer into the answer. */
  readonly pointer: string;
}

type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function* volatileIn(value: unknown, pointer = ""): Generator<Found> {
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) yield* volatileIn(item, `${pointer}/${at}`);
    return;
  }
  if (!isFields(value)) return;
  for (const [key, field] of Object.entries(value)) {
    const at = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (typeof field !== "string") yield* volatileIn(field, at);
    else yield* ofField(key, field, at, value);
  }
}

function* ofField(key: string, value: string, pointer: string, parent: Fields): Generator<Found> {
  if (value === "") return;
  if (key === "uid" && value.length === 36) yield { kind: "uid", value, pointer };
  if (key === "resourceVersion" && value !== "0") yield { kind: "revision", value, pointer };
  if (key === "name" && parent["generateName"] !== undefined) yield { kind: "name", value, pointer };
  if (key === "pod-template-hash") yield { kind: "hash", value, pointer };
  if (key === "token") yield { kind: "token", value, pointer };
  if (key === "continue") yield { kind: "continue", value, pointer };
  const hash = key === "serverRelativeURL" ? /hash=([^&]+)/.exec(value)?.[1] : undefined;
  if (hash !== undefined) yield { kind: "documentHash", value: hash, pointer };
}
