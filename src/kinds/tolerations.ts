/** Which taints a pod tolerates. */
import type { Taint, Toleration } from "./generated/types.ts";

type TaintKey = Pick<Taint, "key" | "value" | "effect">;

export function tolerates(tolerations: readonly Toleration[], taint: TaintKey): boolean {
  return tolerations.some((toleration) => matches(toleration, taint));
}

/** Absent members match everything, but for the value under `Equal`. */
function matches({ key, operator, value, effect }: Toleration, taint: TaintKey): boolean {
  if ((effect ?? "") !== "" && effect !== taint.effect) return false;
  if ((key ?? "") !== "" && key !== taint.key) return false;
  return operator === "Exists" || ((key ?? "") !== "" && (value ?? "") === (taint.value ?? ""));
}
