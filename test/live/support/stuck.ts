/** A process that stops answering: starts a watchdog, says what it evaluates, and loops for ever. */
import { startWatchdog } from "../../../src/env/real/watchdog.ts";

const watchdog = startWatchdog(process.argv[2]!);
const stuck = process.argv[3] === "stuck";
setTimeout(() => {
  watchdog.enter({ actor: "/ctl/deployment/default/earlier-and-longer-than-the-next", event: "plan" });
  watchdog.enter({ actor: "/ctl/deployment/default/web", event: "plan" });
  process.stdout.write(`entered ${Date.now()}\n`);
  let rounds = 0;
  while (stuck) rounds += 1;
}, 500);
setTimeout(() => void watchdog.stop().then(() => process.exit(0)), 4_000);
