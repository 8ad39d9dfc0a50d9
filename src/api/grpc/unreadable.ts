/**
 * Messages that are no messages. gRPC itself answers them INTERNAL, as if the server were broken; it is the
 * caller's mistake. So what cannot be read comes in as a value of its own, and is refused where calls are
 * served.
 */
import type { ServiceDefinition } from "@grpc/grpc-js";
import { badRequest } from "../../kinds/status-errors.ts";
import { messageOf } from "../../util/errors.ts";

class Unreadable {
  readonly problem: string;

  constructor(problem: string) {
    this.problem = problem;
  }
}

/** The definition with readers that never throw. */
export function readingAll(definition: ServiceDefinition): ServiceDefinition {
  const methods = Object.entries(definition).map(([name, method]) => {
    const read = (bytes: Buffer): object => {
      try {
        return method.requestDeserialize(bytes) as object;
      } catch (error) {
        return new Unreadable(messageOf(error));
      }
    };
    return [name, { ...method, requestDeserialize: read }];
  });
  return Object.fromEntries(methods) as ServiceDefinition;
}

/** The message. Throws 400 if there is none. */
export function readable<M extends object>(message: M): M {
  if (message instanceof Unreadable) throw badRequest(`the message cannot be read: ${message.problem}`);
  return message;
}
