import type { Millis } from "../../util/time.ts";

/** Counters of the door in Prometheus' text format, under the names that dashboards query. */
export interface Metrics {
  request(labels: RequestLabels, tookMs: Millis): void;
  longRunning(verb: string, change: 1 | -1): void;
  text(): string;
}

export interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly code: number;
}

const bucketsSeconds = [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 60] as const;

interface Histogram {
  readonly buckets: number[];
  sum: number;
  count: number;
}

export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  const durations = new Map<string, Histogram>();
  const running = new Map<string, number>();
  return {
    request: (labels, tookMs) => {
      const { verb, group, version, resource, subresource, code } = labels;
      const common = `group="${group}",resource="${resource}",subresource="${subresource}",verb="${verb}",version="${version}"`;
      const key = `code="${code}",${common}`;
      requests.set(key, (requests.get(key) ?? 0) + 1);
      observe(durations, common, tookMs / 1_000);
    },
    longRunning: (verb, change) => running.set(verb, (running.get(verb) ?? 0) + change),
    text: () =>
      [
        ...counterText("apiserver_request_total", "Requests answered.", requests),
        ...histogramText(durations),
        "# HELP apiserver_longrunning_requests Watches and streams that are open.",
        "# TYPE apiserver_longrunning_requests gauge",
        ...[...running].map(([verb, value]) => `apiserver_longrunning_requests{verb="${verb}"} ${value}`),
        "",
      ].join("\n"),
  };
}

function observe(durations: Map<string, Histogram>, key: string, seconds: number): void {
  let histogram = durations.get(key);
  if (histogram === undefined) {
    histogram = { buckets: bucketsSeconds.map(() => 0), sum: 0, count: 0 };
    durations.set(key, histogram);
  }
  for (const [position, bound] of bucketsSeconds.entries()) {
    if (seconds <= bound) histogram.buckets[position] = (histogram.buckets[position] ?? 0) + 1;
  }
  histogram.sum += seconds;
  histogram.count += 1;
}

function counterText(name: string, help: string, values: ReadonlyMap<string, number>): readonly string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} counter`,
    ...[...values].map(([labels, value]) => `${name}{${labels}} ${value}`),
  ];
}

function histogramText(durations: ReadonlyMap<string, Histogram>): readonly string[] {
  const name = "apiserver_request_duration_seconds";
  const lines = [`# HELP ${name} Time to answer.`, `# TYPE ${name} histogram`];
  for (const [labels, { buckets, sum, count }] of durations) {
    for (const [position, bound] of bucketsSeconds.entries()) {
      lines.push(`${name}_bucket{${labels},le="${bound}"} ${buckets[position] ?? 0}`);
    }
    lines.push(
      `${name}_bucket{${labels},le="+Inf"} ${count}`,
      `${name}_sum{${labels}} ${sum}`,
      `${name}_count{${labels}} ${count}`,
    );
  }
  return lines;
}
