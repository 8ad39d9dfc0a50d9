/**
 * What a request carries over from an earlier answer. In a transcript it stands as
 * `⟨12:/metadata/uid⟩`: the answer's number, counted through the whole transcript, and where in it.
 * A replay puts in what its own answer says there.
 */
import { volatileIn, type Found } from "./walk.ts";

/** Marks that neither JSON nor a target holds otherwise. */
const reference = /⟨(\d+):([^⟩]*)⟩/g;
const etagPointer = "etag";

export interface Seen {
  readonly json: unknown;
  readonly etag: string;
}

interface Known extends Omit<Found, "kind"> {
  readonly kind: Found["kind"] | "etag";
  readonly answer: number;
}

function* foundIn({ json, etag }: Seen): Generator<Omit<Known, "answer">> {
  if (etag !== "") yield { kind: "etag", value: etag, pointer: etagPointer };
  yield* volatileIn(json);
}

export class References {
  readonly #answers: Seen[] = [];
  readonly #known = new Map<string, Known>();

  /** To be called with every answer, in order. */
  add(seen: Seen): void {
    const answer = this.#answers.push(seen) - 1;
    for (const found of foundIn(seen)) {
      const key = `${found.kind} ${found.value}`;
      // Revisions are numbers: the last answer that gave one is meant.
      if (found.kind === "revision" || !this.#known.has(key)) this.#known.set(key, { ...found, answer });
    }
  }

  /** Puts references into a request's text. */
  take(text: string): string {
    const known = [...this.#known.values()].toSorted((left, right) => right.value.length - left.value.length);
    let taken = text;
    for (const { kind, value, pointer, answer } of known) {
      const mark = `⟨${answer}:${pointer}⟩`;
      if (kind === "revision") {
        taken = taken
          .replaceAll(new RegExp(`(resourceVersion=)${value}\\b`, "g"), `$1${mark}`)
          .replaceAll(`"resourceVersion":"${value}"`, `"resourceVersion":"${mark}"`);
      } else if (taken.includes(value)) {
        taken = taken.replaceAll(value, mark);
      }
    }
    return taken;
  }

  /** What the references of a recorded text stand for in this run. */
  give(text: string): string {
    return text.replaceAll(reference, (_mark, number: string, pointer: string) => {
      const seen = this.#answers[Number(number)];
      const found = seen === undefined ? undefined : [...foundIn(seen)].find((each) => each.pointer === pointer);
      if (found === undefined) throw new Error(`answer ${number} has nothing at ${pointer}`);
      return found.value;
    });
  }
}
