/** Host ports are taken per protocol and address; 0.0.0.0 stands for every address. */
import type { HostPort } from "../facts.ts";
import type { Filter } from "../plugin.ts";

const any = "0.0.0.0";

export const ports: Filter = {
  name: "NodePorts",
  refuse: (pod, node) => {
    const isTaken = pod.ports.some((wanted) => node.ports.some((used) => conflict(wanted, used)));
    return isTaken
      ? {
          reasons: ["node(s) didn't have free ports for the requested pod ports"],
          isResolvable: true,
        }
      : undefined;
  },
};

function conflict(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === any || b.ip === any);
}
