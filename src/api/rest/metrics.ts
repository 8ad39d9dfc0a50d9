import type { Millis } from "../../util/time.ts";
import type { LevelState } from "../seats.ts";

/**
 * Counters of the door in Prometheus' text format, under the names and labels that dashboards query.
 * Labels come from the catalogue, never from clients, so that their number is bounded.
 */
export interface Metrics {
  /** A request has come; answers what counts it as answered. */
  begin(isWrite: boolean): (labels: RequestLabels, code: number, tookMs: Millis) => void;
  longRunning(verb: string, change: 1 | -1): void;
  text(): string;
}

export interface RequestLabels {
  /** As Kubernetes counts: GET, LIST, WATCH, POST, PUT, PATCH, APPLY, DELETE, DELETECOLLECTION, CONNECT. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: "" | "cluster" | "namespace" | "resource";
  /** `All` or nothing. */
  readonly dryRun: string;
}

export const noLabels: Omit<RequestLabels, "verb"> = {
  group: "",
  version: "",
  resource: "",
  subresource: "",
  scope: "",
  dryRun: "",
};

const bucketsSeconds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
] as const;

interface Histogram {
  /** How many fell into each bucket and no lower one; the last is beyond all bounds. */
  readonly buckets: number[];
  sum: number;
  count: number;
}

export function createMetrics(levels: readonly LevelState[]): Metrics {
  const requests = new Map<string, number>();
  const durations = new Map<string, Histogram>();
  /** Labels are made once for each kind of request, so that what is printed of them is as well. */
  const known = new WeakMap<RequestLabels, { readonly text: string; readonly keys: Map<number, string> }>();
  const printedOf = (labels: RequestLabels, code: number): readonly [key: string, text: string] => {
    const { text, keys } = known.get(labels) ?? { text: labelText(labels), keys: new Map<number, string>() };
    let key = keys.get(code);
    if (key === undefined) {
      keys.set(code, (key = `code="${code}",${text}`));
      known.set(labels, { text, keys });
    }
    return [key, text];
  };
  const running = new Map<string, number>();
  const inFlight = { mutating: 0, readOnly: 0 };
  return {
    begin: (isWrite) => {
      const kind = isWrite ? "mutating" : "readOnly";
      inFlight[kind] += 1;
      return (labels, code, tookMs) => {
        inFlight[kind] -= 1;
        const [key, common] = printedOf(labels, code);
        requests.set(key, (requests.get(key) ?? 0) + 1);
        observe(durations, common, tookMs / 1_000);
      };
    },
    longRunning: (verb, change) => running.set(verb, (running.get(verb) ?? 0) + change),
    text: () =>
      [
        ...block("apiserver_request_total", "counter", "Requests answered.", [...requests]),
        ...histogramText(durations),
        ...block("apiserver_current_inflight_requests", "gauge", "Requests that are being answered.", [
          ['request_kind="mutating"', inFlight.mutating],
          ['request_kind="readOnly"', inFlight.readOnly],
        ]),
        ...block(
          "apiserver_longrunning_requests",
          "gauge",
          "Watches and streams that are open.",
          [...running].map(([verb, value]) => [`component="apiserver",verb="${verb}"`, value]),
        ),
        ...seatText(levels),
        "",
      ].join("\n"),
  };
}

function labelText({ verb, group, version, resource, subresource, scope, dryRun }: RequestLabels): string {
  return `component="apiserver",dry_run="${dryRun}",group="${group}",resource="${resource}",scope="${scope}",subresource="${subresource}",verb="${verb}",version="${version}"`;
}

function observe(durations: Map<string, Histogram>, key: string, seconds: number): void {
  let histogram = durations.get(key);
  if (histogram === undefined) {
    histogram = { buckets: Array.from({ length: bucketsSeconds.length + 1 }, () => 0), sum: 0, count: 0 };
    durations.set(key, histogram);
  }
  let position = 0;
  while (position < bucketsSeconds.length && seconds > bucketsSeconds[position]!) position += 1;
  histogram.buckets[position]! += 1;
  histogram.sum += seconds;
  histogram.count += 1;
}

type Sample = readonly [labels: string, value: number];

function block(name: string, type: "counter" | "gauge", help: string, samples: readonly Sample[]): readonly string[] {
  const lines = samples.map(([labels, value]) => `${name}{${labels}} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}

function histogramText(durations: ReadonlyMap<string, Histogram>): readonly string[] {
  const name = "apiserver_request_duration_seconds";
  const lines = [`# HELP ${name} Time to answer.`, `# TYPE ${name} histogram`];
  for (const [labels, { buckets, sum, count }] of durations) {
    let upTo = 0;
    for (const [position, bound] of bucketsSeconds.entries()) {
      upTo += buckets[position]!;
      lines.push(`${name}_bucket{${labels},le="${bound}"} ${upTo}`);
    }
    lines.push(
      `${name}_bucket{${labels},le="+Inf"} ${count}`,
      `${name}_sum{${labels}} ${sum}`,
      `${name}_count{${labels}} ${count}`,
    );
  }
  return lines;
}

function seatText(levels: readonly LevelState[]): readonly string[] {
  const each = (value: (level: LevelState) => number): readonly Sample[] =>
    levels.map((level) => [`priority_level="${level.name}"`, value(level)]);
  const refused = levels.flatMap(({ name, refused: { full, late, gone } }): readonly Sample[] => [
    [`priority_level="${name}",reason="queue-full"`, full],
    [`priority_level="${name}",reason="time-out"`, late],
    [`priority_level="${name}",reason="cancelled"`, gone],
  ]);
  const prefix = "apiserver_flowcontrol";
  return [
    ...block(
      `${prefix}_nominal_limit_seats`,
      "gauge",
      "Seats of a level.",
      each(({ seats }) => seats),
    ),
    ...block(
      `${prefix}_current_executing_seats`,
      "gauge",
      "Seats that are taken.",
      each(({ taken }) => taken),
    ),
    ...block(
      `${prefix}_current_inqueue_requests`,
      "gauge",
      "Requests that wait.",
      each(({ waiting }) => waiting),
    ),
    ...block(
      `${prefix}_dispatched_requests_total`,
      "counter",
      "Requests that got seats.",
      each(({ served }) => served),
    ),
    ...block(`${prefix}_rejected_requests_total`, "counter", "Requests that got no seat: 429.", refused),
  ];
}
