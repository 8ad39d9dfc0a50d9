import type { Desired } from "./desired.ts";

/** Desired state for a part that is started again and again: only its newest life is told of changes. */
export function replaceable(desired: Desired): { readonly desired: Desired; forget(): void } {
  let listeners: Parameters<Desired["onChange"]>[0][] = [];
  desired.onChange((changed) => {
    for (const run of listeners) run(changed);
  });
  return {
    desired: {
      get synced() {
        return desired.synced;
      },
      get revision() {
        return desired.revision;
      },
      get: (kind, namespace, name) => desired.get(kind, namespace, name),
      list: (kind) => desired.list(kind),
      onChange: (run) => void listeners.push(run),
    },
    forget() {
      listeners = [];
    },
  };
}
