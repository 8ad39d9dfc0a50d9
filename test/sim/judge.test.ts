import test from "ava";
import { Judge, type ListBody, type ObjectBody, type Operation } from "../../src/sim/masters/judge.ts";
import { Model } from "../../src/sim/masters/model.ts";
import { encodeOutcome } from "../../src/store/outcome-codec.ts";
import type { RowWrite } from "../../src/store/outcome.ts";
import { encodeRow } from "../../src/store/row.ts";

/** Histories that are right are believed; each that is broken in one place is refused. */
const kind = "configmaps";
const namespace = "default";

class History {
  readonly problems: string[] = [];
  readonly model: Model = new Model((what) => this.problems.push(what));
  readonly judge: Judge = new Judge(this.model, (what) => this.problems.push(what));
  #index = 0;
  #sequence = 0;

  put(
    name: string,
    value: string,
    { uid = `uid-${name}`, at = this.#index + 1, sequence = this.#sequence + 1 } = {},
  ): void {
    const revision = this.model.revision + 1;
    const expected = this.model.at(name, this.model.revision)?.revision ?? 0;
    const draft = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, uid }, data: { v: value } };
    const row = encodeRow(draft, revision);
    this.#commit({ op: "put", kind, namespace, name, expected, row }, at, sequence);
  }

  remove(name: string): void {
    const expected = this.model.at(name, this.model.revision)?.revision ?? 0;
    this.#commit({ op: "delete", kind, namespace, name, expected }, this.#index + 1, this.#sequence + 1);
  }

  #commit(write: RowWrite, now: number, sequence: number): void {
    this.#index += 1;
    this.#sequence = sequence;
    const payload = encodeOutcome({
      command: { member: 1, incarnation: 1, sequence, resultsUpTo: 0 },
      now,
      cause: { origin: "user", actor: "a", event: "update" },
      digest: { a: 0, b: 0 },
      firstRevision: this.model.revision + 1,
      writes: [write],
      system: [],
      messages: [],
      reply: { code: 200, revision: 0 },
    });
    this.model.apply({ index: this.#index, term: 1, kind: "normal", payload });
  }

  answer(operation: Operation, status: number, body: unknown, floor = this.judge.floor): void {
    this.judge.answered(operation, floor, { status, body });
  }

  list(items: readonly ObjectBody[], revision: number, floor = this.judge.floor): void {
    const body: ListBody = { metadata: { resourceVersion: String(revision) }, items };
    this.judge.listed({ verb: "list", limit: 0, color: "", isCached: false }, floor, body);
  }
}

function body(name: string, revision: number, value: string, uid = `uid-${name}`): ObjectBody {
  return { metadata: { name, uid, resourceVersion: String(revision) }, data: { v: value } };
}

const get = (name: string): Operation => ({ verb: "get", name });
const replace = (name: string, value: string, revision?: number): Operation => ({
  verb: "replace",
  name,
  value,
  revision,
});

function begun(): History {
  const history = new History();
  history.put("a", "1");
  history.answer({ verb: "create", name: "a", value: "1" }, 201, body("a", 1, "1"), 0);
  history.put("a", "2");
  return history;
}

test("a history in which everything is right is believed", (t) => {
  const history = begun();
  history.answer(get("a"), 200, body("a", 1, "1"));
  history.answer(replace("a", "2", 1), 200, body("a", 2, "2"));
  history.answer(replace("a", "3", 1), 409, { reason: "Conflict" });
  history.answer(get("b"), 404, { reason: "NotFound" });
  history.list([body("a", 2, "2")], 2);
  history.remove("a");
  history.answer({ verb: "delete", name: "a", revision: 2, uid: undefined }, 200, { details: { uid: "uid-a" } });
  history.answer(get("a"), 404, { reason: "NotFound" });
  history.list([], 3);
  t.deepEqual(history.problems, []);
  t.is(history.judge.floor, 3);
});

const broken: Readonly<Record<string, (history: History) => void>> = {
  "a read of what was replaced before it began": (history) => {
    history.answer(replace("a", "2"), 200, body("a", 2, "2"));
    history.answer(get("a"), 200, body("a", 1, "1"));
  },
  "an object that was never there": (history) => history.answer(get("a"), 200, body("a", 2, "7")),
  "a revision of the future": (history) => history.answer(get("a"), 200, body("a", 3, "2")),
  "not found, and it was there all the time": (history) => history.answer(get("a"), 404, { reason: "NotFound" }),
  "an acknowledged write that is not in the log": (history) =>
    history.answer(replace("a", "9"), 200, body("a", 3, "9")),
  "a write that is said to be another one's": (history) => history.answer(replace("a", "9"), 200, body("a", 2, "2")),
  "a write that replaced another version than it was to": (history) => {
    history.put("a", "3");
    history.answer(replace("a", "3", 1), 200, body("a", 3, "3"));
  },
  "a conflict where the version was the newest": (history) => {
    history.answer(replace("a", "2"), 200, body("a", 2, "2"));
    history.answer(replace("a", "3", 2), 409, { reason: "Conflict" });
  },
  "a creation over what was there": (history) =>
    history.answer({ verb: "create", name: "a", value: "2" }, 201, body("a", 2, "2")),
  "a deletion that did not happen": (history) =>
    history.answer({ verb: "delete", name: "a", revision: undefined, uid: undefined }, 200, {
      details: { uid: "uid-a" },
    }),
  "a list that leaves something out": (history) => history.list([], 2),
  "a list of two revisions": (history) => history.list([body("a", 1, "1")], 2),
  "a list of before it began": (history) => {
    history.answer(replace("a", "2"), 200, body("a", 2, "2"));
    history.list([body("a", 1, "1")], 1);
  },
  "410 for what the history still has": (history) => history.judge.expired(1),
  "a request that happens twice": (history) => {
    history.put("a", "3");
    history.put("a", "2");
  },
  "a command that happens twice": (history) => history.put("b", "3", { sequence: 1 }),
  "a uid that two objects have": (history) => history.put("b", "3", { uid: "uid-a" }),
  "an object with another uid than before": (history) => history.put("a", "3", { uid: "uid-b" }),
  "a decision at a time before the one in front of it": (history) => history.put("b", "3", { at: 1 }),
  "an internal error": (history) => history.answer(get("a"), 500, { reason: "InternalError" }),
};

for (const [name, spoil] of Object.entries(broken)) {
  test(`refused: ${name}`, (t) => {
    const history = begun();
    spoil(history);
    t.not(history.problems.length, 0);
  });
}
