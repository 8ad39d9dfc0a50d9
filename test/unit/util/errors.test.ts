import test from "ava";
import { invariant, InvariantError } from "../../../src/util/errors.ts";

test("a broken invariant says what must hold", (t) => {
  const error = t.throws(() => invariant(false, "commit never goes back"), {
    instanceOf: InvariantError,
  });
  t.is(error.message, "invariant broken: commit never goes back");
});
