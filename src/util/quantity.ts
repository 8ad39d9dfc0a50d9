/**
 * Kubernetes quantities (`500m`, `1.5Gi`, `2e3`) as whole numbers of nanos, so that no arithmetic
 * rounds. Canonical form: the family of the input, the largest suffix with a whole mantissa.
 */

export type QuantityFormat = "decimal" | "binary" | "exponent";

export interface Quantity {
  /** 10^-9 of the unit. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

/** What Kubernetes answers for a text that is no quantity. */
export const quantityError =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const nano = 1_000_000_000n;
const nanosMax = ((1n << 63n) - 1n) * nano;
/** A longer text cannot be a sensible quantity; its powers would only cost time. */
const lengthMax = 128;

const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const pattern = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]+)?$/;

/** Undefined: not a quantity. Finer than nano rounds away from zero; huge values are capped. */
export function parseQuantity(text: string): Quantity | undefined {
  if (text.length > lengthMax) return undefined;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", suffix = ""] = match;
  if (whole === "" && fraction === "") return undefined;
  const digits = BigInt(whole + fraction);
  const scaled = scale(digits, fraction.length, suffix);
  if (scaled === undefined) return undefined;
  const capped = scaled.nanos > nanosMax ? nanosMax : scaled.nanos;
  return { nanos: sign === "-" ? -capped : capped, format: scaled.format };
}

/** `digits / 10^places` times the suffix, in nanos, rounded up. */
function scale(digits: bigint, places: number, suffix: string): Quantity | undefined {
  const binary = binarySuffixes.indexOf(suffix);
  if (binary > 0) {
    const numerator = digits * 1024n ** BigInt(binary) * nano;
    return { nanos: divideUp(numerator, 10n ** BigInt(places)), format: "binary" };
  }
  const decimal = decimalSuffixes.indexOf(suffix);
  const format = decimal >= 0 ? "decimal" : "exponent";
  const power = decimal >= 0 ? (decimal - 3) * 3 : Number(suffix.slice(1));
  if (!Number.isSafeInteger(power) || Math.abs(power) > 1_000) return undefined;
  const exponent = power + 9 - places;
  const nanos = exponent >= 0 ? digits * 10n ** BigInt(exponent) : divideUp(digits, 10n ** BigInt(-exponent));
  return { nanos, format };
}

function divideUp(value: bigint, by: bigint): bigint {
  return value >= 0n ? (value + by - 1n) / by : -((-value + by - 1n) / by);
}

/** The canonical text. */
function formatQuantity(quantity: Quantity): string {
  const { nanos, format } = quantity;
  if (nanos === 0n) return "0";
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  // Small or broken binary values are shown in decimal, so that nothing is rounded.
  if (format === "binary" && size >= 1024n * nano && size % nano === 0n) {
    let mantissa = size / nano;
    let step = 0;
    while (mantissa % 1024n === 0n && step < binarySuffixes.length - 1) {
      mantissa /= 1024n;
      step += 1;
    }
    return `${sign}${mantissa}${binarySuffixes[step]}`;
  }
  let mantissa = size;
  let step = 0;
  while (mantissa % 1000n === 0n && step < decimalSuffixes.length - 1) {
    mantissa /= 1000n;
    step += 1;
  }
  const power = (step - 3) * 3;
  if (format === "exponent") return `${sign}${mantissa}${power === 0 ? "" : `e${power}`}`;
  return `${sign}${mantissa}${decimalSuffixes[step]}`;
}

/** Undefined: not a quantity. */
export function canonicalQuantity(text: string): string | undefined {
  const quantity = parseQuantity(text);
  return quantity === undefined ? undefined : formatQuantity(quantity);
}

/** Canonical, rounded up to milli: what Kubernetes stores in resource lists. */
export function roundUpToMilli(text: string): string {
  const quantity = parseQuantity(text);
  if (quantity === undefined) return text;
  const milli = divideUp(quantity.nanos, 1_000_000n) * 1_000_000n;
  return formatQuantity({ nanos: milli, format: quantity.format });
}

/** Nanos of a stored quantity; 0 for absence. */
export function quantityNanos(text: string | undefined): bigint {
  return text === undefined ? 0n : (parseQuantity(text)?.nanos ?? 0n);
}

/** Thousandths, rounded up (cpu). */
export function quantityMilli(text: string | undefined): number {
  return Number(divideUp(quantityNanos(text), 1_000_000n));
}

/** Whole units, rounded up (bytes, pods). */
export function quantityValue(text: string | undefined): number {
  return Number(divideUp(quantityNanos(text), nano));
}

export function isWholeQuantity(text: string): boolean {
  return quantityNanos(text) % nano === 0n;
}

/** Negative, 0 or positive, as `a` is less than, equal to or greater than `b`. */
export function compareQuantities(a: string | undefined, b: string | undefined): number {
  const difference = quantityNanos(a) - quantityNanos(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The sum, in the family of `a` (of `b` if `a` is absent or zero). */
export function addQuantities(a: string | undefined, b: string): string {
  const left = parseQuantity(a ?? "0") ?? { nanos: 0n, format: "decimal" };
  const right = parseQuantity(b) ?? { nanos: 0n, format: "decimal" };
  const format = left.nanos === 0n ? right.format : left.format;
  return formatQuantity({ nanos: left.nanos + right.nanos, format });
}
