import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { problems, reached, update, writeStatus } from "./kit.ts";
import { coreCases } from "./rules/core.ts";
import { firstCases } from "./rules/core-first.ts";
import { faultCases } from "./rules/faults.ts";
import { unreached } from "./rules/unreached.ts";
import type { RuleCase } from "./rules/helpers.ts";
import { podContainerCases } from "./rules/pod-containers.ts";
import { podCases } from "./rules/pod-first.ts";
import { podSchedulingCases } from "./rules/pod-scheduling.ts";
import { podSecurityCases } from "./rules/pod-security.ts";
import { podVolumeCases } from "./rules/pod-volumes.ts";
import { changeCases } from "./rules/changes.ts";
import { serviceCases } from "./rules/services.ts";

/**
 * One case at least for each rule of each kind, with the exact text. A rule is a place in `src/kinds/`
 * that reports a field error; the last test says which places no case has reached.
 */
const cases: readonly RuleCase[] = [
  ...[...firstCases, ...podCases].map(([what, kind, body, ...errors]) => ({ what, kind, body, errors })),
  ...coreCases,
  ...serviceCases,
  ...podContainerCases,
  ...podVolumeCases,
  ...podSchedulingCases,
  ...podSecurityCases,
  ...changeCases,
  ...faultCases,
];

function said(
  { kind, before = {}, body = {}, status, known, revision }: RuleCase,
  isChange: boolean,
): readonly string[] {
  if (status !== undefined) return writeStatus(kind, before, status, known).problems;
  return isChange ? update(kind, before, body, revision).problems : problems(kind, body);
}

for (const each of cases) {
  const { what, kind, errors } = each;
  test(`${kind}, ${what}: ${errors.length === 0 ? "accepted" : "refused in Kubernetes' words"}`, (t) => {
    t.deepEqual(said(each, each.before !== undefined), errors);
  });
}

const sources = join(import.meta.dirname, "../../../../src/kinds");
const report =
  /\berrors\.(?:required|invalid|notSupported|duplicate|forbidden|tooLong|tooMany|notFound|typeInvalid)\(|(?<!function )\binvalidEach\(/;

/** Place and text of each rule. */
function rules(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const file of readdirSync(sources).filter((name) => name.endsWith(".ts") && !name.endsWith("errors.ts"))) {
    for (const [at, line] of readFileSync(join(sources, file), "utf8").split("\n").entries()) {
      if (report.test(line)) found.set(`${file}:${at + 1}`, `${file}: ${line.trim()}`);
    }
  }
  return found;
}

test("every rule of every kind has a case", (t) => {
  for (const each of cases) said(each, each.before !== undefined);
  const silent = [...rules()].filter(([place]) => !reached.has(place)).map(([, text]) => text);
  t.deepEqual(silent.toSorted(), [...unreached].toSorted());
});
