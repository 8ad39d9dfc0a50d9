import type { Bug } from "./bugs.ts";
import { controllerBugs } from "./faults/controllers.ts";
import { linkBugs } from "./faults/links.ts";
import { masterBugs } from "./faults/masters.ts";
import { objectBugs } from "./faults/objects.ts";
import { podActorBugs } from "./faults/pod-actors.ts";
import { proxyBugs } from "./faults/proxy.ts";
import { schedulerBugs } from "./faults/scheduler.ts";
import { timerBugs } from "./faults/timers.ts";

/**
 * What the tests of test/faults stand on, taken away piece by piece; as `bugs`, for actors. With each
 * of them exactly the tests that it names fail, of all those of their suite.
 */
export const faultBugs: readonly Bug[] = [
  ...objectBugs,
  ...controllerBugs,
  ...schedulerBugs,
  ...podActorBugs,
  ...linkBugs,
  ...proxyBugs,
  ...timerBugs,
  ...masterBugs,
];
