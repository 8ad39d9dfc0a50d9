import type { ConfigMap, KeyToPath, Pod, Secret, Volume, VolumeProjection } from "../../kinds/generated/types.ts";
import { decodeBase64 } from "../../util/base64.ts";
import type { FieldFacts } from "../pods/environment.ts";
import { fieldValue, resourceValue } from "../pods/environment.ts";
import { MountError } from "../pods/ports.ts";

/**
 * The files of a volume that is made of objects (ConfigMap, Secret, projected, downward API), by
 * relative path. Pure: tokens come in as facts.
 */
export interface PayloadFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
  /** Owner of the file; absent: root. */
  readonly uid?: number;
}

export type Payload = ReadonlyMap<string, PayloadFile>;

export interface PayloadFacts extends FieldFacts {
  readonly allocatable: Readonly<Record<string, string>>;
  readonly configMap: (name: string) => ConfigMap | undefined;
  readonly secret: (name: string) => Secret | undefined;
  /** Token of one source, by its path; all are there when this is called. */
  readonly token: (path: string) => string;
}

const defaultMode = 0o644;

/** Undefined: this volume is not made of objects. Throws `MountError` for what is missing. */
export function volumePayload(volume: Volume, facts: PayloadFacts): Payload | undefined {
  const files = new Map<string, PayloadFile>();
  const add = (path: string, bytes: Uint8Array, mode: number, uid?: number): void => {
    files.set(path, { bytes, mode, ...(uid === undefined ? {} : { uid }) });
  };
  const sink = { volume: volume.name, add };
  if (volume.configMap !== undefined) {
    addConfigMap(sink, facts, { ...volume.configMap }, volume.configMap.defaultMode ?? defaultMode);
  } else if (volume.secret !== undefined) {
    const { secretName, defaultMode: mode = defaultMode, items, optional } = volume.secret;
    const source = { ...(items === undefined ? {} : { items }), ...(optional === undefined ? {} : { optional }) };
    addSecret(sink, facts, { ...source, ...(secretName === undefined ? {} : { name: secretName }) }, mode);
  } else if (volume.downwardAPI !== undefined) {
    addFields(sink, facts, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? defaultMode);
  } else if (volume.projected !== undefined) {
    // The schema keeps a projected volume's defaultMode beside its sources.
    const mode = (volume.projected as { readonly defaultMode?: number }).defaultMode ?? defaultMode;
    for (const source of volume.projected.sources ?? []) addProjection(sink, facts, source, mode);
  } else return undefined;
  return files;
}

interface Sink {
  readonly volume: string;
  readonly add: (path: string, bytes: Uint8Array, mode: number, uid?: number) => void;
}

interface Selection {
  readonly name?: string;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
}

function addProjection(sink: Sink, facts: PayloadFacts, source: VolumeProjection, mode: number): void {
  if (source.configMap !== undefined) addConfigMap(sink, facts, source.configMap, mode);
  if (source.secret !== undefined) addSecret(sink, facts, source.secret, mode);
  if (source.downwardAPI !== undefined) addFields(sink, facts, source.downwardAPI.items ?? [], mode);
  const token = source.serviceAccountToken;
  if (token !== undefined) {
    const { uid, isPrivate } = tokenOwner(facts.pod);
    sink.add(token.path, new TextEncoder().encode(facts.token(token.path)), isPrivate ? 0o600 : mode, uid);
  }
}

/** A token is readable for its user alone where there is one user, or where a group will be given. */
function tokenOwner(pod: Pod): { readonly uid?: number; readonly isPrivate: boolean } {
  const shared = pod.spec.securityContext;
  if (shared?.fsGroup !== undefined) return { isPrivate: true };
  const users = new Set(
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(
      ({ securityContext }) => securityContext?.runAsUser ?? shared?.runAsUser,
    ),
  );
  const [user] = users;
  return users.size === 1 && user !== undefined ? { uid: user, isPrivate: true } : { isPrivate: false };
}

function addConfigMap(sink: Sink, facts: PayloadFacts, selection: Selection, mode: number): void {
  const { name = "", items, optional } = selection;
  const map = facts.configMap(name);
  if (map === undefined && optional !== true) throw new MountError(sink.volume, `configmap "${name}" not found`);
  const encoder = new TextEncoder();
  const values = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(map?.data ?? {})) values.set(key, encoder.encode(text));
  for (const [key, text] of Object.entries(map?.binaryData ?? {})) values.set(key, bytesOf(text));
  const text = "references non-existent config key";
  select(sink, values, { items, optional: optional === true || map === undefined, mode, text });
}

function addSecret(sink: Sink, facts: PayloadFacts, selection: Selection, mode: number): void {
  const { name = "", items, optional } = selection;
  const secret = facts.secret(name);
  if (secret === undefined && optional !== true) throw new MountError(sink.volume, `secret "${name}" not found`);
  const values = new Map(Object.entries(secret?.data ?? {}).map(([key, text]) => [key, bytesOf(text)]));
  const text = "references non-existent secret key";
  select(sink, values, { items, optional: optional === true || secret === undefined, mode, text });
}

function select(
  sink: Sink,
  values: ReadonlyMap<string, Uint8Array>,
  wanted: {
    readonly items: readonly KeyToPath[] | undefined;
    readonly optional: boolean;
    readonly mode: number;
    readonly text: string;
  },
): void {
  if (wanted.items === undefined) {
    for (const [key, bytes] of values) sink.add(key, bytes, wanted.mode);
    return;
  }
  for (const item of wanted.items) {
    const bytes = values.get(item.key);
    if (bytes !== undefined) sink.add(item.path, bytes, item.mode ?? wanted.mode);
    else if (!wanted.optional) throw new MountError(sink.volume, `${wanted.text}: ${item.key}`);
  }
}

function addFields(
  sink: Sink,
  facts: PayloadFacts,
  items: NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>,
  mode: number,
): void {
  for (const item of items) {
    const text =
      item.fieldRef === undefined
        ? item.resourceFieldRef === undefined
          ? ""
          : resourceValue(facts, item.resourceFieldRef, undefined)
        : fieldValue(facts, item.fieldRef.fieldPath);
    sink.add(item.path, new TextEncoder().encode(text), item.mode ?? mode);
  }
}

function bytesOf(base64: string): Uint8Array {
  return decodeBase64(base64) ?? new Uint8Array();
}
