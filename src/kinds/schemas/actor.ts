import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const actorSpecSchema: ObjectSchema = object("dev.troupe.actors.v1.ActorSpec", "Who the actor is.", {
  path: field(1, "string", "Path of the actor in the tree of the control plane.", { required: true }),
  machine: field(2, "string", "Name of the state machine that the actor runs."),
  version: field(3, "string", "Version of that state machine."),
  supervisor: field(4, "string", "Path of the actor that restarts this one."),
});

export const deadLetterSchema: ObjectSchema = object(
  "dev.troupe.actors.v1.DeadLetter",
  "An event that an actor failed on for good.",
  {
    event: field(1, "string", "Type of the event.", { required: true }),
    error: field(2, "string", "What the actor failed with."),
    time: field(3, "time", "Time of the last attempt."),
  },
);

export const actorStatusSchema: ObjectSchema = object("dev.troupe.actors.v1.ActorStatus", "What the actor does.", {
  state: field(1, "string", "State in which the actor's machine is now."),
  since: field(2, "time", "Time at which the machine entered its state."),
  restarts: field(3, "int32", "Number of times the supervisor restarted the actor.", { required: true }),
  mailbox: field(4, "int32", "Number of events that wait for the actor.", { required: true }),
  status: field(
    5,
    "string",
    "Whether it runs: live, backoff before a restart, quarantined after too many failures, held for a person, or stopped.",
  ),
  lastError: field(6, "string", "What the actor last failed with; absent if it never did."),
  slowTurns: field(7, "int32", "Number of turns that took more than 50 ms, since this master leads."),
  deadLetters: field(
    8,
    list("atomic", deadLetterSchema),
    "Events that the actor failed on three times, newest first; they are not tried again.",
  ),
});

export const actorSchema: ObjectSchema = object(
  "dev.troupe.actors.v1.Actor",
  "An actor of the control plane, computed when it is read and never stored.",
  {
    metadata: field(1, objectMetaSchema, "Name of the actor: the segments of its path, joined by dots."),
    spec: field(2, actorSpecSchema, "Who the actor is, and who restarts it."),
    status: field(3, actorStatusSchema, "What the actor does, and how it fares."),
  },
);
