import type { WriteRequest } from "./command.ts";
import type { Controller, PlanWrite } from "./controller.ts";

/** A plan's write as the request that the API's own verbs evaluate. */
export function requestOf(controller: Controller, write: PlanWrite): WriteRequest {
  const common = {
    kind: write.kind,
    user: {
      name: `system:controller:${controller.source}`,
      groups: ["system:masters", "system:authenticated"],
    },
    fieldManager: controller.source,
    tracking: "sparse" as const,
  };
  switch (write.op) {
    case "create":
      return {
        ...common,
        verb: "create",
        namespace: write.object.metadata.namespace ?? "",
        name: write.object.metadata.name ?? "",
        object: write.object,
      };
    case "update":
      return {
        ...common,
        // Binding a pod is the creation of a Binding under it.
        verb: write.subresource === "binding" ? "create" : "update",
        namespace: write.object.metadata.namespace ?? "",
        name: write.object.metadata.name ?? "",
        object: write.object,
        preconditions: {
          uid: write.expect.uid,
          resourceVersion: String(write.expect.revision),
        },
        ...(write.subresource === undefined ? {} : { subresource: write.subresource }),
      };
    case "delete": {
      const { namespace, name, uid, gracePeriodSeconds, propagationPolicy } = write;
      return {
        ...common,
        verb: "delete",
        namespace,
        name,
        preconditions: { uid },
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
        ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      };
    }
  }
}
