import test from "ava";
import { bodies, type Hostile } from "./hostile/bodies.ts";
import { messages } from "./hostile/messages.ts";
import { patches } from "./hostile/patches.ts";
import { requests } from "./hostile/requests.ts";
import { yamls } from "./hostile/yamls.ts";
import { CM, configMap, createRig, D, deployment, P, pod, type Rig } from "./harness.ts";

/**
 * What hostile or broken clients send. Each is answered with the right 4xx in Kubernetes' words,
 * nothing is written, the answer is not much larger than the question, and the next request is served.
 */

const ready: Promise<Rig> = createRig().then(async (made) => {
  await made.post(CM, configMap("a"));
  await made.post(P, pod("p"));
  await made.post(D, deployment("d"));
  return made;
});

const answerBytesMax = 4 * 1024 * 1024;

const hostile: readonly Hostile[] = [...bodies, ...messages, ...patches, ...requests, ...yamls];

for (const { what, method, target, body, headers = {}, code, says } of hostile) {
  test.serial(`${what}: ${code}`, async (t) => {
    const rig = await ready;
    const { store } = rig;
    const before = store.revision;
    const answer = await rig.call(method, target, { ...(body === undefined ? {} : { body: body() }), headers });
    t.is(answer.code, code, answer.text.slice(0, 500));
    t.true(answer.text.length <= answerBytesMax, `an answer of ${answer.text.length} characters`);
    if (code >= 400) {
      t.is(answer.json.kind, "Status");
      t.is(answer.json.code, code);
      t.is(store.revision, before, "nothing is written");
    }
    if (says !== undefined) t.regex(code >= 400 ? answer.json.message : answer.text, says);
    t.is((await rig.call("GET", `${CM}/a`)).code, 200, "the next request is served");
    t.is(Object.getPrototypeOf({}).polluted, undefined);
  });
}

test("every hostile request has a title of its own", (t) => {
  t.is(new Set(hostile.map(({ what }) => what)).size, hostile.length);
});

test.serial("names of prototypes are plain keys where keys are free, and come back as they went in", async (t) => {
  const rig = await ready;
  const text = '{"__proto__":"x","constructor":"y","hasOwnProperty":"z"}';
  const created = await rig.post(CM, `{"metadata":{"name":"free","annotations":{"constructor":"c"}},"data":${text}}`);
  t.is(created.code, 201, created.text);
  const read = await rig.call("GET", `${CM}/free`);
  t.true(read.text.includes(`"data":${text}`), read.text);
  for (const type of ["merge-patch", "strategic-merge-patch"]) {
    const headers = { "content-type": `application/${type}+json` };
    const patched = await rig.call("PATCH", `${CM}/free`, {
      body: `{"data":{"__proto__":"${type}","constructor":null}}`,
      headers,
    });
    t.is(patched.code, 200, patched.text);
    t.true(patched.text.includes(`"data":{"__proto__":"${type}","hasOwnProperty":"z"}`), patched.text);
    await rig.call("PATCH", `${CM}/free`, { body: `{"data":${text}}`, headers });
  }
  const json = { "content-type": "application/json-patch+json" };
  const body = '[{"op":"replace","path":"/data/__proto__","value":"j"},{"op":"remove","path":"/data/constructor"}]';
  const patched = await rig.call("PATCH", `${CM}/free`, { body, headers: json });
  t.true(patched.text.includes('"data":{"__proto__":"j","hasOwnProperty":"z"}'), patched.text);
});

test.serial("half of a surrogate pair is stored as U+FFFD, a whole pair as it is", async (t) => {
  const rig = await ready;
  const { json } = await rig.post(CM, '{"metadata":{"name":"pairs"},"data":{"a":"x\\ud800y","b":"\\ud83d\\ude00"}}');
  t.deepEqual(json.data, { a: "x\ufffdy", b: "\u{1f600}" });
});
