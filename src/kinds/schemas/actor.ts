import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const actorSpecSchema: ObjectSchema = object("dev.troupe.actors.v1.ActorSpec", "", {
  path: field(1, "string", "", { required: true }),
  machine: field(2, "string", ""),
  version: field(3, "string", ""),
  supervisor: field(4, "string", ""),
});

export const actorStatusSchema: ObjectSchema = object("dev.troupe.actors.v1.ActorStatus", "", {
  state: field(1, "string", ""),
  since: field(2, "time", ""),
  restarts: field(3, "int32", "", { required: true }),
  mailbox: field(4, "int32", "", { required: true }),
  status: field(5, "string", ""),
  lastError: field(6, "string", ""),
});

export const actorSchema: ObjectSchema = object("dev.troupe.actors.v1.Actor", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, actorSpecSchema, ""),
  status: field(3, actorStatusSchema, ""),
});
