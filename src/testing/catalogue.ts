import { allKinds as kinds, apiVersionOf, kindById } from "../kinds/catalogue.ts";
import type { Kind, KubeObject } from "../kinds/kind.ts";

/** The kind of a word: `Pod`, `pods`, `deployments.apps`. Throws RangeError for one that names none. */
export function kindOfWord(word: string): Kind {
  const found = kindById(word) ?? kinds.find(({ kind }) => kind === word);
  if (found === undefined) throw new RangeError(`there is no kind ${word}`);
  return found;
}

/** By what an object says of itself. Throws RangeError where no kind is called so. */
export function kindOf(object: Pick<KubeObject, "apiVersion" | "kind">): Kind {
  const found = kinds.find((each) => each.kind === object.kind && apiVersionOf(each) === object.apiVersion);
  if (found === undefined) throw new RangeError(`there is no kind ${object.kind} of ${object.apiVersion}`);
  return found;
}

/** `/apis/apps/v1/namespaces/default/deployments`. */
export function pathOf(kind: Kind, namespace = "default"): string {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  return kind.scope === "Cluster" ? `${root}/${kind.plural}` : `${root}/namespaces/${namespace}/${kind.plural}`;
}
