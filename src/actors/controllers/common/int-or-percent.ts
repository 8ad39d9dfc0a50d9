/** A count, or a share of a whole: `3` or `"25%"`. */
export function scaled(value: number | string | undefined, total: number, rounding: "ceil" | "floor"): number {
  if (value === undefined) return 0;
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  if (percent === undefined) return 0;
  return Math[rounding]((Number(percent) * total) / 100);
}
