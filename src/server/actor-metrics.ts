/** The actors of a master in Prometheus' text format. */
import type { ActorHost } from "../actors/runtime/actor-host.ts";

export function actorMetrics(host: ActorHost): string {
  const views = host.directory.list();
  const byStatus = new Map<string, number>();
  let restarts = 0;
  let mailbox = 0;
  for (const view of views) {
    byStatus.set(view.status, (byStatus.get(view.status) ?? 0) + 1);
    restarts += view.restarts;
    mailbox += view.mailbox;
  }
  const jumps = [...host.reactions.jumps].map(([key, count]) => {
    const [machine = "", from = "", to = ""] = key.split(" ");
    return `troupe_actor_jump_total{machine="${machine}",from="${from}",to="${to}"} ${count}`;
  });
  return [
    ...host.turns.text(),
    ...gauge("troupe_actors", "Actors that are listed, by status."),
    ...[...byStatus].map(([status, count]) => `troupe_actors{status="${status}"} ${count}`),
    ...gauge("troupe_actor_restarts", "Restarts of the actors that are listed."),
    `troupe_actor_restarts ${restarts}`,
    ...gauge("troupe_actor_mailbox_depth", "Events that wait for the actors that are listed."),
    `troupe_actor_mailbox_depth ${mailbox}`,
    ...gauge("troupe_actor_dead_letters", "Dead letters that are kept."),
    `troupe_actor_dead_letters ${host.deadLetters.all().length}`,
    "# HELP troupe_actor_jump_total State changes that no transition explains.",
    "# TYPE troupe_actor_jump_total counter",
    ...jumps,
    "",
  ].join("\n");
}

function gauge(name: string, help: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`];
}
