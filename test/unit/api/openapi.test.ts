import test from "ava";
import protobuf from "protobufjs";
import { allResources } from "../../../src/api/rest/resources.ts";
import { encodeOpenApiV2 } from "../../../src/api/openapi/gnostic.ts";
import { openApiV2 } from "../../../src/api/openapi/v2.ts";
import { kinds } from "../../../src/kinds/catalogue.ts";
import { enumeratedFields } from "../../../src/kinds/enums.ts";
import { createRig, type Loose } from "./harness.ts";

/** The part of gnostic's messages that kubectl reads; written from the published field numbers. */
const gnostic = `
syntax = "proto3";
message Document { string swagger = 1; Info info = 2; Paths paths = 8; Definitions definitions = 9; }
message Info { string title = 1; string version = 2; }
message Paths { repeated NamedPathItem path = 2; }
message NamedPathItem { string name = 1; PathItem value = 2; }
message PathItem { Operation get = 2; Operation put = 3; Operation post = 4; Operation delete = 5; Operation patch = 8; repeated ParametersItem parameters = 9; }
message Operation { string description = 3; string operation_id = 5; repeated string produces = 6; repeated string consumes = 7; repeated ParametersItem parameters = 8; repeated NamedAny vendor_extension = 13; }
message ParametersItem { Parameter parameter = 1; }
message Parameter { BodyParameter body_parameter = 1; NonBodyParameter non_body_parameter = 2; }
message BodyParameter { string name = 2; string in = 3; bool required = 4; Schema schema = 5; }
message NonBodyParameter { QueryParameter query = 3; PathParameter path = 4; }
message QueryParameter { string in = 2; string description = 3; string name = 4; string type = 6; }
message PathParameter { bool required = 1; string in = 2; string name = 4; string type = 5; }
message Definitions { repeated NamedSchema schema = 1; }
message NamedSchema { string name = 1; Schema value = 2; }
message Schema { string _ref = 1; string format = 2; string description = 4; Any default = 5; repeated string required = 19; Additional additional_properties = 21; TypeItem type = 22; Items items = 23; Properties properties = 25; repeated NamedAny vendor_extension = 31; }
message Additional { Schema schema = 1; }
message TypeItem { repeated string value = 1; }
message Items { repeated Schema schema = 1; }
message Properties { repeated NamedSchema schema = 1; }
message NamedAny { string name = 1; Any value = 2; }
message Any { string yaml = 2; }
`;

const Document = protobuf.parse(gnostic, { keepCase: true }).root.lookupType("Document");

function decoded(): Loose {
  const bytes = encodeOpenApiV2(openApiV2(allResources(kinds), "v1"));
  return Document.toObject(Document.decode(bytes));
}

test("the v2 document survives the way through gnostic's messages", (t) => {
  const document = decoded();
  t.is(document.swagger, "2.0");
  const deployment = document.definitions.schema.find(
    ({ name }: Loose) => name === "io.k8s.api.apps.v1.DeploymentSpec",
  ).value;
  t.deepEqual(deployment.required, ["selector", "template"]);
  const strategy = deployment.properties.schema.find(({ name }: Loose) => name === "strategy");
  t.is(strategy.value._ref, "#/definitions/io.k8s.api.apps.v1.DeploymentStrategy");
  t.deepEqual(strategy.value.vendor_extension, [
    { name: "x-kubernetes-patch-strategy", value: { yaml: '"retainKeys"' } },
  ]);
});

test("every PATCH says that the server validates fields, and of which kind it is", (t) => {
  const patches = decoded()
    .paths.path.map(({ value }: Loose) => value.patch)
    .filter(Boolean);
  t.true(patches.length >= kinds.filter(({ storage }) => storage === "rows").length);
  for (const patch of patches) {
    const names = patch.parameters.flatMap(({ parameter }: Loose) =>
      parameter.non_body_parameter === undefined ? [] : [parameter.non_body_parameter.query.name],
    );
    t.true(names.includes("fieldValidation"), patch.operation_id);
    t.true(names.includes("dryRun"));
    t.true(patch.consumes.includes("application/strategic-merge-patch+json"));
    const names2 = patch.vendor_extension.map(({ name }: Loose) => name);
    t.true(names2.includes("x-kubernetes-group-version-kind"));
  }
});

test("the v3 index names each group's document by its content, and that address is cacheable", async (t) => {
  const rig = await createRig();
  const index = await rig.call("GET", "/openapi/v3");
  const { serverRelativeURL } = index.json.paths["apis/apps/v1"];
  t.regex(serverRelativeURL, /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{64}$/);
  const document = await rig.call("GET", serverRelativeURL);
  t.regex(String(document.headers["cache-control"]), /immutable/);
  const stale = await rig.call("GET", "/openapi/v3/apis/apps/v1?hash=00");
  t.is(stale.code, 301);
  t.is(stale.headers["location"], serverRelativeURL);
  const patch = document.json.paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"].patch;
  t.truthy(patch.requestBody.content["application/strategic-merge-patch+json"]);
  t.deepEqual(patch["x-kubernetes-group-version-kind"], {
    group: "apps",
    version: "v1",
    kind: "Deployment",
  });
  const { schemas } = document.json.components;
  t.is(schemas["io.k8s.api.core.v1.PodSpec"].properties.containers["x-kubernetes-patch-merge-key"], "name");
});

test("every reference of the v3 documents leads somewhere", async (t) => {
  const rig = await createRig();
  const index = await rig.call("GET", "/openapi/v3");
  for (const path of Object.keys(index.json.paths)) {
    const { text, json } = await rig.call("GET", `/openapi/v3/${path}`);
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      t.truthy(json.components.schemas[name!], `${path}: ${name}`);
    }
  }
});

test("every enumeration of Kubernetes stands at a field of the v3 documents", async (t) => {
  const rig = await createRig();
  const index = await rig.call("GET", "/openapi/v3");
  const found = new Set<string>();
  for (const path of Object.keys(index.json.paths)) {
    const { json } = await rig.call("GET", `/openapi/v3/${path}`);
    for (const [name, { properties = {} }] of Object.entries<Loose>(json.components.schemas)) {
      for (const [field, property] of Object.entries<Loose>(properties)) {
        if (property.enum !== undefined) found.add(`${name}.${field}`);
      }
    }
  }
  t.deepEqual([...found].toSorted(), enumeratedFields().toSorted());
});

test("the v2 document is protobuf for whoever asks for it, JSON for all others", async (t) => {
  const rig = await createRig();
  const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  const binary = await rig.call("GET", "/openapi/v2", { headers: { accept } });
  t.regex(String(binary.headers["content-type"]), /protobuf$/);
  const text = await rig.call("GET", "/openapi/v2");
  t.is(text.json.swagger, "2.0");
  const etag = String(text.headers["etag"]);
  const again = await rig.call("GET", "/openapi/v2", { headers: { "if-none-match": etag } });
  t.is(again.code, 304);
});
