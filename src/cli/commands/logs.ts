/** What a container has written, and what it goes on writing. */
import { UserError } from "../../util/errors.ts";
import { parseCount, parseDuration } from "../arguments.ts";
import { flag, text, type Command } from "../command.ts";
import { connectionOptions, withClient } from "../objects.ts";

const tailMax = 1_000_000;

export const logs: Command = {
  name: "logs",
  summary: "Shows what a container has written.",
  examples: ["troupe logs web", "troupe logs web -c app -f --tail 20"],
  arguments: "POD ",
  options: [
    ...connectionOptions,
    { name: "container", type: "string", short: "c", value: "NAME", help: "where the pod has several" },
    { name: "follow", type: "boolean", short: "f", help: "go on with what is written" },
    { name: "previous", type: "boolean", short: "p", help: "of the container before its last restart" },
    { name: "tail", type: "string", value: "N", help: "the last N lines only" },
    { name: "since", type: "string", value: "10m", help: "not older than this" },
    { name: "timestamps", type: "boolean", help: "with the time of each line" },
  ],
  run: (values, positionals) =>
    withClient(values, async ({ client, namespace }) => {
      const [pod, ...more] = positionals;
      if (pod === undefined || more.length > 0) {
        throw new UserError("TRP-0002", "logs takes one pod", { hint: logs.examples[0] ?? "", exitCode: 2 });
      }
      const [tail, since, container] = [text(values, "tail"), text(values, "since"), text(values, "container")];
      const chunks = client.logs(pod.replace(/^pods?\//, ""), {
        namespace,
        follow: flag(values, "follow"),
        previous: flag(values, "previous"),
        timestamps: flag(values, "timestamps"),
        ...(container === undefined ? {} : { container }),
        ...(tail === undefined ? {} : { tailLines: parseCount("tail", tail, tailMax) }),
        ...(since === undefined ? {} : { sinceSeconds: Math.ceil(parseDuration("since", since) / 1_000) }),
      });
      for await (const chunk of chunks) process.stdout.write(chunk);
      return 0;
    }),
};
