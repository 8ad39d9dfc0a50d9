import type { Millis } from "./time.ts";

/**
 * RFC 3339 texts and instants without `Date`: pure code may not know the clock, and needs more than
 * milliseconds for Lease and Event times. Proleptic Gregorian calendar, UTC, years 0000-9999.
 */

export interface Instant {
  /** Seconds since the Unix epoch, rounded down. */
  readonly seconds: number;
  /** 0 ≤ nanos < 1,000,000,000. */
  readonly nanos: number;
}

const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Days since 1970-01-01 of a civil date. Months count from 1. */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilOf(days: number): readonly [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return [year, month, day];
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Undefined: not an RFC 3339 time. Any offset is taken to UTC. */
function parseInstant(text: string): Instant | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const part = (index: number): number => Number(match[index]);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(part) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  let offset = 0;
  if (match[8] !== undefined) {
    if (part(9) > 23 || part(10) > 59) return undefined;
    offset = (part(9) * 60 + part(10)) * 60 * (match[8] === "-" ? -1 : 1);
  }
  const nanos = Number((match[7] ?? "").slice(0, 9).padEnd(9, "0"));
  const seconds = daysOf(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
  return { seconds, nanos };
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

/** What was printed last: times of one moment are printed many times. */
const printed = { seconds: Number.NaN, text: "" };

function secondsText(seconds: number): string {
  if (seconds !== printed.seconds) {
    printed.text = civilText(seconds);
    printed.seconds = seconds;
  }
  return printed.text;
}

function civilText(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const [year, month, day] = civilOf(days);
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
  const time = [Math.floor(rest / 3_600), Math.floor(rest / 60) % 60, rest % 60];
  return `${date}T${time.map((value) => pad(value, 2)).join(":")}`;
}

/** `2026-01-02T03:04:05Z`: the form of `metav1.Time`. */
export function instantToTime(instant: Instant): string {
  return `${secondsText(instant.seconds)}Z`;
}

/** `2026-01-02T03:04:05.000006Z`: the form of `metav1.MicroTime`. */
export function instantToMicroTime(instant: Instant): string {
  return `${secondsText(instant.seconds)}.${pad(Math.floor(instant.nanos / 1_000), 6)}Z`;
}

function instantOf(ms: Millis): Instant {
  const seconds = Math.floor(ms / 1_000);
  return { seconds, nanos: Math.floor((ms - seconds * 1_000) * 1_000_000) };
}

/** `metav1.Time` of an instant in milliseconds; the rest of the second is cut off. */
export function formatTime(ms: Millis): string {
  return instantToTime(instantOf(ms));
}

/** `metav1.MicroTime` of an instant in milliseconds. */
export function formatMicroTime(ms: Millis): string {
  return instantToMicroTime(instantOf(ms));
}

/** Milliseconds of an RFC 3339 text; undefined where there is none or it is not one. */
export function parseTime(text: string | undefined): Millis | undefined {
  const instant = text === undefined ? undefined : parseInstant(text);
  return instant === undefined ? undefined : instant.seconds * 1_000 + Math.floor(instant.nanos / 1_000_000);
}

/** Canonical `metav1.Time`; undefined: not a time. */
export function canonicalTime(text: string): string | undefined {
  const instant = parseInstant(text);
  return instant === undefined ? undefined : instantToTime(instant);
}

/** Canonical `metav1.MicroTime`; undefined: not a time. */
export function canonicalMicroTime(text: string): string | undefined {
  const instant = parseInstant(text);
  return instant === undefined ? undefined : instantToMicroTime(instant);
}

const weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"] as const;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const dayMs = 86_400_000;

/** `Thu, 01 Jan 1970 00:00:00 GMT`: what HTTP's headers hold. From 1970 on. */
export function formatHttpDate(millis: Millis): string {
  const days = Math.floor(millis / dayMs);
  const [year, month, day] = civilOf(days);
  const two = (value: number): string => String(value).padStart(2, "0");
  const seconds = Math.floor((millis - days * dayMs) / 1_000);
  const time = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(":");
  return `${weekdays[days % 7]}, ${two(day)} ${months[month - 1]} ${String(year).padStart(4, "0")} ${time} GMT`;
}
