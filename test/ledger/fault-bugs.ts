import type { Bug } from "./bugs.ts";
import { objectBugs } from "./faults/objects.ts";

/** What the tests of test/faults stand on, taken away piece by piece; as `bugs`, for actors. */
export const faultBugs: readonly Bug[] = [...objectBugs];
