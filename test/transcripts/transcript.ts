/**
 * What a kubectl sent, and what it was answered: one file a version, so that tests replay versions
 * that a machine lacks. One exchange a line, so that a difference reads well.
 *
 * Nothing in it depends on chance or time: answers are normalised (`normalise.ts`), and where a
 * request carries what an earlier answer gave (a uid, a resourceVersion, a generated name) it holds a
 * reference to that answer (`references.ts`).
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Transcript {
  /** `1.33`. */
  readonly kubectl: string;
  readonly steps: readonly Step[];
}

export interface Step {
  /** As a user types it, without `kubectl`. */
  readonly command: string;
  readonly exitCode: number;
  /** What kubectl said, normalised: for readers, a replay has no kubectl to compare it with. */
  readonly stdout: string;
  readonly stderr: string;
  readonly exchanges: readonly Exchange[];
}

export interface Exchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text where the body is text. */
  readonly body?: string;
  /** Protobuf bodies. */
  readonly bodyBase64?: string;
  /** An upgraded connection: what the client sent, base64. */
  readonly sent?: readonly string[];
  readonly answer: RecordedAnswer;
}

export interface RecordedAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly warnings?: readonly string[];
  /** The chosen sub-protocol of an upgraded connection. */
  readonly protocol?: string;
  /** Normalised JSON, or text; of a watch, the last event of each object; of an upgraded connection, text by channel. Absent for documents (discovery, OpenAPI) and empty bodies. */
  readonly body?: unknown;
}

const folder = join(import.meta.dirname, "..", "..", "..", "test", "transcripts");

export const versions: readonly string[] = ["1.27", "1.31", "1.32", "1.33"];

function pathOf(version: string): string {
  return join(folder, `kubectl-${version}.json`);
}

export function hasTranscript(version: string): boolean {
  return existsSync(pathOf(version));
}

export function readTranscript(version: string): Transcript {
  return JSON.parse(readFileSync(pathOf(version), "utf8")) as Transcript;
}

export function writeTranscript(transcript: Transcript): void {
  const steps = transcript.steps.map(({ exchanges, ...step }) => {
    const head = JSON.stringify(step).slice(0, -1);
    return `${head},"exchanges":[\n${exchanges.map((exchange) => JSON.stringify(exchange)).join(",\n")}\n]}`;
  });
  const text = `{"kubectl":${JSON.stringify(transcript.kubectl)},"steps":[\n${steps.join(",\n")}\n]}\n`;
  writeFileSync(pathOf(transcript.kubectl), text);
}
