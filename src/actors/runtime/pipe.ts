import type { LogIndex } from "../../store/revision.ts";
import type { InFlight } from "./job.ts";
import { inFlightBytesMax, inFlightEntriesMax } from "./limits.ts";

/** Outcomes that are staged and handed to the log, in its order, until they are committed or the term ends. */
export class Pipe {
  #entries: InFlight[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** The newest entry on its way. */
  get last(): LogIndex | undefined {
    return this.#entries.at(-1)?.index;
  }

  /** How full it is, in percent. */
  get load(): number {
    return Math.max(this.#entries.length / inFlightEntriesMax, this.#bytes / inFlightBytesMax) * 100;
  }

  push(entry: InFlight): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
  }

  /** The oldest, if it is the one that the log committed at `index`. It stays. */
  at(index: LogIndex): InFlight | undefined {
    const first = this.#entries[0];
    return first?.index === index ? first : undefined;
  }

  shift(): void {
    this.#bytes -= this.#entries.shift()?.bytes ?? 0;
  }

  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }
}
