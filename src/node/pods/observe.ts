import type { Container, Cri, Sandbox } from "../cri/cri.ts";
import { isNotFound } from "../cri/cri.ts";
import { containerNameLabel, hashAnnotation, hostNetworkAnnotation, podUidLabel } from "./config.ts";
import type { ContainerFact, PodSnapshot, SandboxFact } from "./model.ts";

/**
 * One pod's facts from the runtime. Two cheap lists tell what changed; details are asked only for
 * that, so a quiet pod costs two calls. Throws what the runtime throws: then nothing is known.
 */
export class Observer {
  readonly #cri: Cri;
  readonly #uid: string;
  #sandboxes = new Map<string, SandboxFact>();
  #containers = new Map<string, ContainerFact>();

  constructor(cri: Cri, uid: string) {
    this.#cri = cri;
    this.#uid = uid;
  }

  async snapshot(): Promise<PodSnapshot> {
    const labels = { [podUidLabel]: this.#uid };
    const sandboxes = await this.#cri.listPodSandboxes({ labels });
    const containers = await this.#cri.listContainers({ labels });
    this.#sandboxes = await detail(sandboxes, this.#sandboxes, async (item, known) =>
      known?.ready === (item.state === "ready") && (known.ip !== "" || known.hostNetwork) ? known : this.#sandbox(item),
    );
    this.#containers = await detail(containers, this.#containers, async (item, known) =>
      known?.state === item.state ? known : this.#container(item),
    );
    return {
      sandboxes: [...this.#sandboxes.values()].toSorted((a, b) => b.attempt - a.attempt),
      containers: [...this.#containers.values()].toSorted((a, b) => b.createdAt - a.createdAt || b.attempt - a.attempt),
    };
  }

  async #sandbox(item: Sandbox): Promise<SandboxFact> {
    const ready = item.state === "ready";
    const status = ready ? await this.#cri.podSandboxStatus(item.id) : undefined;
    return {
      id: item.id,
      attempt: item.metadata.attempt,
      ready: (status ?? item).state === "ready",
      createdAt: item.createdAtMs,
      ip: status?.ip ?? "",
      hostNetwork: item.annotations[hostNetworkAnnotation] === "true",
    };
  }

  async #container(item: Container): Promise<ContainerFact> {
    const status = await this.#cri.containerStatus(item.id);
    return {
      id: item.id,
      name: item.labels[containerNameLabel] ?? item.metadata.name,
      sandboxId: item.podSandboxId,
      attempt: item.metadata.attempt,
      state: status.state,
      createdAt: status.createdAtMs,
      startedAt: status.startedAtMs,
      finishedAt: status.finishedAtMs,
      exitCode: status.exitCode,
      reason: status.reason,
      message: status.message,
      hash: item.annotations[hashAnnotation] ?? "",
      imageId: status.imageRef,
    };
  }
}

/** Keeps the order of `items`; one that vanished between list and status is left out. */
async function detail<I extends { readonly id: string }, F>(
  items: readonly I[],
  known: ReadonlyMap<string, F>,
  fact: (item: I, known: F | undefined) => Promise<F>,
): Promise<Map<string, F>> {
  const facts = new Map<string, F>();
  for (const item of items) {
    try {
      facts.set(item.id, await fact(item, known.get(item.id)));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return facts;
}
