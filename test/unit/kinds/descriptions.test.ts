import test from "ava";
import { kinds } from "../../../src/kinds/catalogue.ts";
import type { Field, ObjectSchema, Schema } from "../../../src/kinds/schema.ts";
import { listMetaSchema } from "../../../src/kinds/schemas/meta.ts";
import { deleteOptionsKind, reviewKinds, subresourceBodies } from "../../../src/kinds/subresources.ts";

/** What `kubectl explain` shows: every object and field says in a sentence what it is. */

interface Text {
  /** `io.k8s.api.core.v1.Pod`, or `io.k8s.api.core.v1.Pod.spec`. */
  readonly of: string;
  readonly text: string;
  /** Absent for objects. */
  readonly field?: Field;
}

/** Texts of all objects that the roots lead to, inlined and wire-only fields included; each object once. */
function textsOf(roots: readonly ObjectSchema[]): readonly Text[] {
  const seen = new Set<ObjectSchema>();
  const texts: Text[] = [];
  const visit = (schema: Schema): void => {
    if (schema.type === "list") return visit(schema.items);
    if (schema.type === "map") return visit(schema.values);
    if (schema.type !== "object" || seen.has(schema)) return;
    seen.add(schema);
    texts.push({ of: schema.name, text: schema.description });
    for (const [name, field] of Object.entries(schema.fields)) {
      texts.push({ of: `${schema.name}.${name}`, text: field.description, field });
      visit(field.schema);
    }
  };
  roots.forEach(visit);
  return texts;
}

const bodies = [...kinds, ...Object.values(subresourceBodies), ...reviewKinds, deleteOptionsKind];
const texts = textsOf([...bodies.map(({ schema }) => schema), listMetaSchema]);

/** More fields than this under one sentence means that it says nothing of them. */
const sharedAtMost = 3;

test("every object and field of every kind and sub-resource form has a description", (t) => {
  t.true(texts.length > 900, `only ${texts.length} texts found`);
  t.deepEqual(
    texts.filter(({ text }) => text.trim() === "").map(({ of }) => of),
    [],
  );
});

test("a description is a sentence: a capital or a name first, a full stop last, no blanks to trim", (t) => {
  const sentence = /^[A-Za-z](?:\S| (?=\S))*\.$/u;
  t.deepEqual(
    texts.filter(({ text }) => !sentence.test(text)).map(({ of, text }) => `${of}: ${text}`),
    [],
  );
});

test("a description is short enough for a terminal's two lines and long enough to say something", (t) => {
  t.deepEqual(
    texts.filter(({ text }) => text.length > 120 || text.split(" ").length < 3).map(({ of, text }) => `${of}: ${text}`),
    [],
  );
});

test("no description stands for more than a handful of different fields", (t) => {
  const users = new Map<string, string[]>();
  for (const { of, text } of texts) users.set(text, [...(users.get(text) ?? []), of]);
  t.deepEqual(
    [...users].filter(([, list]) => list.length > sharedAtMost),
    [],
  );
});

test("a field with a default in the schema names it in its description", (t) => {
  const defaulted = texts.filter(({ field }) => field?.default !== undefined);
  t.true(defaulted.length > 5);
  t.deepEqual(
    defaulted
      .filter(({ field, text }) => !text.includes(String(field?.default)))
      .map(({ of, text }) => `${of}: ${text}`),
    [],
  );
});
