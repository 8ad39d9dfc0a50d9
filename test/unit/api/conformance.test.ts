// What clients of Kubernetes may rely on, as a table: questions in their order, and what is answered to each.
import test from "ava";
import { applies } from "./conformance/apply.ts";
import type { Case, Step } from "./conformance/case.ts";
import { creations } from "./conformance/create.ts";
import { deletions } from "./conformance/delete.ts";
import { patches } from "./conformance/patch.ts";
import { reads } from "./conformance/read.ts";
import { updates } from "./conformance/update.ts";
import { validations } from "./conformance/validation.ts";
import { watches } from "./conformance/watch.ts";
import { createRig, type Answer, type Loose } from "./harness.ts";

const tables: Readonly<Record<string, readonly Case[]>> = {
  apply: applies,
  create: creations,
  delete: deletions,
  patch: patches,
  read: reads,
  update: updates,
  validation: validations,
  watch: watches,
};

/** A value of a step, or what makes it of the earlier answers. */
function valueOf(value: Loose, earlier: readonly Answer[]): Loose {
  return typeof value === "function" ? value(earlier) : value;
}

function textOf(answer: Answer): string {
  return answer.json?.kind === "Status" && answer.json.status === "Failure" ? answer.json.message : answer.text;
}

for (const [area, cases] of Object.entries(tables)) {
  for (const { what, steps } of cases) {
    test(`${area}: ${what}`, async (t) => {
      const rig = await createRig();
      const earlier: Answer[] = [];
      const ask = async ({ ask: line, body, headers = {} }: Step): Promise<Answer> => {
        const [method, target] = (valueOf(line, earlier) as string).split(" ") as [string, string];
        const content = valueOf(body, earlier);
        return rig.call(method, target, { headers, ...(content === undefined ? {} : { body: content }) });
      };
      for (const step of steps) {
        const answer = await ask(step);
        t.is(answer.code, step.code, `${String(step.ask)}: ${answer.text.slice(0, 500)}`);
        if (answer.code >= 400)
          t.like(answer.json, { kind: "Status", apiVersion: "v1", status: "Failure", code: step.code });
        if (step.says !== undefined) t.regex(textOf(answer), step.says);
        if (step.lacks !== undefined) t.notRegex(answer.text, step.lacks);
        if (step.like !== undefined) t.like(answer.json, valueOf(step.like, earlier));
        earlier.push(answer);
      }
    });
  }
}
