/** What tests read: typed objects of one state of the store. */
import { matchesLabels, mapMatcher, parseLabelSelector, type LabelMatcher } from "../util/selector.ts";
import type { Revision } from "../store/revision.ts";
import type { View } from "../store/view.ts";
import { parseDuration } from "../util/duration.ts";
import type { Millis } from "../util/time.ts";
import { kindOfWord } from "./catalogue.ts";
import type { ClusterView, ListOptions, Span } from "./cluster-api.ts";
import type { LabelChoice, TypedKind, TypedKinds } from "./typed-kinds.ts";

export class StoreViewer implements ClusterView {
  readonly #view: () => Pick<View, "revision" | "get" | "list">;

  /** `view`: asked at each read, so that it can be that of the moment. */
  constructor(view: () => Pick<View, "revision" | "get" | "list">) {
    this.#view = view;
  }

  get revision(): Revision {
    return this.#view().revision;
  }

  get<K extends TypedKind>(
    kind: K,
    name: string,
    options: { readonly namespace?: string } = {},
  ): TypedKinds[K] | undefined {
    const { id, scope } = kindOfWord(kind);
    const namespace = scope === "Namespaced" ? (options.namespace ?? "default") : "";
    return this.#view().get(id, namespace, name)?.object<TypedKinds[K]>();
  }

  list<K extends TypedKind>(kind: K, { labels, ...where }: ListOptions = {}): readonly TypedKinds[K][] {
    const rows = this.#view().list(kindOfWord(kind).id, where);
    const matcher = labels === undefined ? undefined : matcherOf(labels);
    const chosen = matcher === undefined ? rows : rows.filter(({ hot }) => matchesLabels(matcher, hot.labels));
    return chosen.map((row) => row.object<TypedKinds[K]>());
  }
}

function matcherOf(labels: LabelChoice): LabelMatcher {
  return typeof labels === "string" ? parseLabelSelector(labels) : mapMatcher(labels);
}

/** Throws RangeError for what is no length of time. */
export function millisOf(span: Span): Millis {
  const ms = typeof span === "number" ? span : Number(parseDuration(span) ?? Number.NaN) / 1e6;
  if (!(ms >= 0)) throw new RangeError(`${span} is no length of time: "10m", "500ms", or milliseconds`);
  return ms;
}
