import { apiVersionOf } from "../../kinds/catalogue.ts";
import { subresourceBodies } from "../../kinds/subresources.ts";
import type { MutableJsonObject } from "../../util/json.ts";
import type { Resource, SubresourceInfo } from "../rest/resources.ts";
import type { GroupVersionKind } from "./definitions.ts";

/** What can be done at which path: read by both versions of OpenAPI. */
export interface PathOperations {
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

export interface Operation {
  readonly method: "get" | "put" | "post" | "patch" | "delete";
  /** `x-kubernetes-action`. */
  readonly action: string;
  readonly operationId: string;
  readonly description: string;
  readonly kind: GroupVersionKind;
  readonly parameters: readonly Parameter[];
  /** Definition of the body; undefined: none. */
  readonly body: string | undefined;
  readonly bodyTypes: readonly string[];
  /** Definition of the answer; undefined: text or a stream. */
  readonly answer: string | undefined;
  readonly code: 200 | 201;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly type: "string" | "boolean" | "integer";
  readonly description: string;
}

const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];
const bodyTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const statusName = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
const deleteOptionsName = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
const patchName = "io.k8s.apimachinery.pkg.runtime.RawExtension";

const query = (name: string, type: Parameter["type"], description: string): Parameter => ({
  name,
  in: "query",
  type,
  description,
});

const inPath = (name: string): Parameter => ({
  name,
  in: "path",
  type: "string",
  description: `The ${name} of the object.`,
});

const write = [
  query("dryRun", "string", "All: check everything, store nothing."),
  query("fieldManager", "string", "Name of who makes this change."),
  query("fieldValidation", "string", "Ignore, Warn or Strict: what unknown fields lead to."),
];
const patch = [
  ...write,
  query("force", "boolean", "An apply takes fields from other managers instead of conflicting."),
];
const list = [
  query("allowWatchBookmarks", "boolean", "Send bookmarks into the watch."),
  query("continue", "string", "Go on behind an earlier page."),
  query("fieldSelector", "string", "Fields by which to choose."),
  query("labelSelector", "string", "Labels by which to choose."),
  query("limit", "integer", "Objects of one page."),
  query("resourceVersion", "string", "Revision of the state to read."),
  query("resourceVersionMatch", "string", "Exact or NotOlderThan."),
  query("sendInitialEvents", "boolean", "Begin the watch with the state of now."),
  query("timeoutSeconds", "integer", "Longest time of the watch."),
  query("watch", "boolean", "Send changes as they happen."),
];
const remove = [
  query("dryRun", "string", "All: check everything, store nothing."),
  query("gracePeriodSeconds", "integer", "Time that the object is given to end."),
  query("orphanDependents", "boolean", "Replaced by propagationPolicy."),
  query("propagationPolicy", "string", "Background, Foreground or Orphan."),
];

/** The `paths` of a document; each version of OpenAPI has its own form of an operation and a parameter. */
export function pathItems(
  resources: readonly Resource[],
  form: {
    readonly operation: (operation: Operation) => MutableJsonObject;
    readonly parameter: (parameter: Parameter) => MutableJsonObject;
  },
): MutableJsonObject {
  const paths: MutableJsonObject = {};
  for (const { path, parameters, operations } of resources.flatMap(pathsOf)) {
    const item: MutableJsonObject = {};
    for (const operation of operations) {
      const { action, kind } = operation;
      item[operation.method] = {
        ...form.operation(operation),
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": { group: kind.group, version: kind.version, kind: kind.kind },
      };
    }
    if (parameters.length > 0) item["parameters"] = parameters.map(form.parameter);
    paths[path] = item;
  }
  return paths;
}

/** What the answer of success is called. */
export function answerText({ code }: Operation): string {
  return code === 201 ? "Created" : "OK";
}

/** All paths of one resource. */
function pathsOf(resource: Resource): readonly PathOperations[] {
  const { group, plural, scope } = resource;
  const root = group === "" ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`;
  const isNamespaced = scope === "Namespaced";
  const collection = isNamespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const above = isNamespaced ? [inPath("namespace")] : [];
  const own = operationsOf(resource);
  const paths: PathOperations[] = [
    { path: collection, parameters: above, operations: own.filter(({ onCollection }) => onCollection) },
    {
      path: `${collection}/{name}`,
      parameters: [inPath("name"), ...above],
      operations: own.filter(({ onCollection }) => !onCollection),
    },
  ];
  if (isNamespaced && resource.verbs.includes("list")) {
    const all = own.filter(({ action }) => action === "list");
    const operations = all.map((operation) => ({
      ...operation,
      operationId: `${operation.operationId}ForAllNamespaces`,
    }));
    paths.push({ path: `${root}/${plural}`, parameters: [], operations });
  }
  for (const sub of resource.subresources) {
    paths.push({
      path: `${collection}/{name}/${sub.name}`,
      parameters: [inPath("name"), ...above],
      operations: subOperations(resource, sub),
    });
  }
  return paths.filter(({ operations }) => operations.length > 0);
}

interface OwnOperation extends Operation {
  readonly onCollection: boolean;
}

function operationsOf(resource: Resource): readonly OwnOperation[] {
  const { group, version, kind, schema } = resource;
  const about = { group, version, kind };
  const id = (verb: string): string => operationId(verb, resource, "");
  const common = { kind: about, bodyTypes, body: undefined, code: 200 as const };
  const known: Record<string, OwnOperation> = {
    list: {
      ...common,
      method: "get",
      action: "list",
      operationId: id("list"),
      description: `Lists or watches objects of kind ${kind}.`,
      parameters: list,
      answer: `${schema.name}List`,
      onCollection: true,
    },
    create: {
      ...common,
      method: "post",
      action: "post",
      operationId: id("create"),
      description: `Creates an object of kind ${kind}.`,
      parameters: write,
      body: schema.name,
      answer: schema.name,
      code: 201,
      onCollection: true,
    },
    deletecollection: {
      ...common,
      method: "delete",
      action: "deletecollection",
      operationId: id("deleteCollection"),
      description: `Deletes objects of kind ${kind}.`,
      parameters: [...remove, ...list.filter(({ name }) => name.endsWith("Selector"))],
      body: deleteOptionsName,
      answer: statusName,
      onCollection: true,
    },
    get: {
      ...common,
      method: "get",
      action: "get",
      operationId: id("read"),
      description: `Reads an object of kind ${kind}.`,
      parameters: [],
      answer: schema.name,
      onCollection: false,
    },
    update: {
      ...common,
      method: "put",
      action: "put",
      operationId: id("replace"),
      description: `Replaces an object of kind ${kind}.`,
      parameters: write,
      body: schema.name,
      answer: schema.name,
      onCollection: false,
    },
    patch: {
      ...common,
      method: "patch",
      action: "patch",
      operationId: id("patch"),
      description: `Changes a part of an object of kind ${kind}.`,
      parameters: patch,
      body: patchName,
      bodyTypes: patchTypes,
      answer: schema.name,
      onCollection: false,
    },
    delete: {
      ...common,
      method: "delete",
      action: "delete",
      operationId: id("delete"),
      description: `Deletes an object of kind ${kind}.`,
      parameters: remove,
      body: deleteOptionsName,
      answer: statusName,
      onCollection: false,
    },
  };
  return resource.verbs.flatMap((verb) => {
    const operation = Object.hasOwn(known, verb) ? known[verb] : undefined;
    return operation === undefined ? [] : [operation];
  });
}

function subOperations(resource: Resource, sub: SubresourceInfo): readonly Operation[] {
  const { group, version, kind } = sub;
  const body = Object.hasOwn(subresourceBodies, sub.name) ? subresourceBodies[sub.name] : undefined;
  const isOwn = kind === resource.kind;
  const name = body?.schema.name ?? (isOwn && sub.name !== "log" ? resource.schema.name : undefined);
  const methods = { get: "get", update: "put", patch: "patch", create: "post" } as const;
  const words = { get: "read", update: "replace", patch: "patch", create: "create" } as const;
  return sub.verbs.flatMap((verb): readonly Operation[] => {
    if (!Object.hasOwn(methods, verb)) return [];
    const known = verb as keyof typeof methods;
    const method = methods[known];
    const sends = method !== "get" && name !== undefined;
    return [
      {
        method,
        action: method,
        operationId: operationId(words[known], resource, sub.name),
        description: `The ${sub.name} of an object of kind ${resource.kind}.`,
        kind: { group, version, kind },
        parameters: sends ? (method === "patch" ? patch : write) : [],
        body: sends ? (method === "patch" ? patchName : name) : undefined,
        bodyTypes: method === "patch" ? patchTypes : bodyTypes,
        answer: name,
        code: method === "post" ? 201 : 200,
      },
    ];
  });
}

/** `createAppsV1NamespacedDeployment`. */
function operationId(verb: string, resource: Resource, subresource: string): string {
  const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
  const group = resource.group === "" ? "Core" : capital(resource.group.split(".")[0]!);
  const scope = resource.scope === "Namespaced" ? "Namespaced" : "";
  return `${verb}${group}${capital(resource.version)}${scope}${resource.kind}${capital(subresource)}`;
}
