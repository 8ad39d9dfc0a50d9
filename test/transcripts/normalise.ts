/**
 * Takes out of answers what chance and time put in: uids, revisions, times, addresses, suffixes of
 * generated names and the hashes of templates each become a word in braces. What is left is what the
 * API promises.
 */
import { isFields, volatileIn } from "./walk.ts";

export class Normaliser {
  readonly #words = new Map<string, string>();
  #known: RegExp | undefined;

  /** Remembers what the answer calls things, for every text that follows. */
  learn(answer: unknown): void {
    const found = [...volatileIn(answer)];
    for (const { kind, value } of found) {
      if (kind === "hash" || kind === "token" || kind === "continue") this.#add(value, `{${kind}}`);
    }
    for (const { kind, value } of found) {
      if (kind === "name" && !this.#words.has(value)) {
        this.#add(value, this.text(value).replace(/-[a-z0-9]{5}$/, "-{random}"));
      }
    }
  }

  #add(value: string, word: string): void {
    if (this.#words.has(value)) return;
    this.#words.set(value, word);
    this.#known = undefined;
  }

  text(text: string): string {
    let plain = text;
    if (this.#words.size > 0) {
      this.#known ??= oneOf([...this.#words.keys()]);
      plain = plain.replaceAll(this.#known, (value) => this.#words.get(value)!);
    }
    for (const [pattern, word] of patterns) plain = plain.replaceAll(pattern, word);
    return plain;
  }

  /** kubectl's own words: ages and the width of columns too. */
  output(text: string): string {
    return this.text(text)
      .replaceAll(/resourceVersion: "\d+"/g, 'resourceVersion: "{rv}"')
      .replaceAll(/(?<![\w.])(\d+[ydhms]){1,2}(?![\w.])/g, "{age}")
      .replaceAll(/\/tmp\/[\w/.-]+/g, "{file}")
      .replaceAll(/ {2,}/g, "  ")
      .replaceAll(/-{4,}/g, "----");
  }

  /** An answer's JSON. */
  value(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (!isFields(value)) return value;
    if (value["kind"] === "Table") return this.#table(value);
    const fields = Object.entries(value).map(([key, field]) => [this.text(key), this.#field(key, field)] as const);
    return Object.fromEntries(fields);
  }

  #field(key: string, value: unknown): unknown {
    if (key === "resourceVersion" && typeof value === "string") return value === "" ? "" : "{rv}";
    if (key === "nodePort" && typeof value === "number") return "{nodePort}";
    if (key === "containerID" || key === "imageID") return `{${key}}`;
    if (key === "managedFields" && Array.isArray(value)) return value.map(managerText).toSorted();
    if (key === "items" || key === "rows") return this.sorted(value);
    return this.value(value);
  }

  /** Lists stand in the order of names, which chance has chosen. */
  sorted(value: unknown): unknown {
    if (!Array.isArray(value)) return value;
    const items = value.map((item) => this.value(item));
    const texts = new Map(items.map((item) => [item, JSON.stringify(item)] as const));
    return items.toSorted((left, right) => (texts.get(left)! < texts.get(right)! ? -1 : 1));
  }

  #table(table: Readonly<Record<string, unknown>>): unknown {
    const columns = (table["columnDefinitions"] ?? []) as readonly { readonly name: string }[];
    const ages = new Set(columns.flatMap(({ name }, at) => (/^(Age|Last Seen|First Seen)$/.test(name) ? [at] : [])));
    // Only the first event of a watch names its columns; an age is known by its looks there.
    const isAge = (cell: unknown, at: number): boolean =>
      ages.has(at) || (columns.length === 0 && typeof cell === "string" && /^(\d+[ydhms]){1,2}$/.test(cell));
    const rows = (table["rows"] ?? []) as readonly { readonly cells: readonly unknown[]; readonly object: unknown }[];
    const plain = rows.map(({ cells, ...row }) => ({
      ...row,
      cells: cells.map((cell, at) => (isAge(cell, at) ? "{age}" : cell)),
    }));
    const { metadata, ...rest } = table;
    return { ...rest, metadata: this.value(metadata), rows: this.sorted(plain) };
  }
}

/** Who owns fields, and how; which ones is the matter of tests of their own. */
function managerText(entry: unknown): string {
  const fields = isFields(entry) ? entry : {};
  return [fields["manager"], fields["operation"], fields["subresource"]].filter(Boolean).join(" ");
}

/** Longer ones first: names hold hashes. */
function oneOf(values: readonly string[]): RegExp {
  const longestFirst = values.toSorted((left, right) => right.length - left.length);
  return new RegExp(longestFirst.map((value) => value.replaceAll(/[^\w]/g, "\\$&")).join("|"), "g");
}

const patterns: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "{time}"],
  [/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, "{time}"],
  [/\b10\.42\.\d+\.\d+/g, "{podIP}"],
  [/\b10\.43\.\d+\.\d+/g, "{clusterIP}"],
  // Events are named after their object and the moment.
  [/\.[0-9a-f]{14,16}\b/g, ".{moment}"],
  [/\b(kube-api-access|containerd:\/)[-/][a-z0-9]+/g, "$1-{random}"],
  [/:3[0-2]\d{3}\//g, ":{nodePort}/"],
  [/virtual\.[\w%.~!*'()-]+/g, "{token}"],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "{uid}"],
  [/-[a-z0-9]{5}(?=\.\{moment\})/g, "-{random}"],
];
