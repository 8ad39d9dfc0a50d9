import type { Container, Cri, Sandbox } from "../cri/cri.ts";
import { isNotFound } from "../cri/cri.ts";
import { containerNameLabel, hashAnnotation, hostNetworkAnnotation, podUidLabel } from "./config.ts";
import type { ContainerFact, PodSnapshot, SandboxFact } from "./model.ts";

/** What the runtime says of a container, as everybody may read it. */
type Shown = (containerName: string, text: string) => string;

/**
 * One pod's facts from the runtime. What the runtime has answered to our own calls is believed, so a
 * pod that starts as it should costs no listing at all; the listing that all pods of a node share
 * finds what happens by itself. Only after a doubt (a call that failed, a stop) is the runtime asked
 * about this pod alone.
 *
 * Invariants: a listing that ran at the same time as a deed or a look of this pod's own tells
 * nothing about it; a look that began before a doubt does not end the doubt. Throws what the runtime
 * throws: then nothing is known.
 */
export class Observer {
  readonly #cri: Cri;
  readonly #uid: string;
  #sandboxes = new Map<string, SandboxFact>();
  #containers = new Map<string, ContainerFact>();
  /** Doubts so far, and how many of them the facts have been brought up to. */
  #doubts: number;
  #settled = 0;
  /** Newer than the facts: from the shared listing. */
  #listed: Listing | undefined;
  /** Fingerprint of the last listing that was news. */
  #told: string | undefined;
  /** Own deeds and looks under way. */
  #busy = 0;
  /** Grows with each begin and end of one. */
  #turn = 0;
  #mark: number | undefined;
  #isEvent = false;

  readonly #shown: Shown;

  /** `isNew`: the runtime has nothing of this pod yet. */
  constructor(cri: Cri, uid: string, isNew: boolean, shown: Shown = (_name, text) => text) {
    this.#cri = cri;
    this.#shown = shown;
    this.#uid = uid;
    this.#doubts = isNew ? 0 : 1;
  }

  /** The facts; asks the runtime only where they are in doubt. */
  async snapshot(): Promise<PodSnapshot> {
    if (this.#settled !== this.#doubts || this.#listed !== undefined) await this.#during(async () => this.#look());
    return {
      sandboxes: [...this.#sandboxes.values()].toSorted((a, b) => b.attempt - a.attempt),
      containers: [...this.#containers.values()].toSorted((a, b) => b.createdAt - a.createdAt || b.attempt - a.attempt),
    };
  }

  doubt(): void {
    this.#doubts += 1;
    this.#listed = undefined;
  }

  /** Does something to the pod. The fact that it answers is believed; without one there is doubt. */
  async act(deed: () => Promise<Made | undefined>): Promise<void> {
    const wasSure = this.#settled === this.#doubts;
    this.doubt();
    const doubts = this.#doubts;
    let made: Made | undefined;
    try {
      made = await this.#during(deed);
    } finally {
      if (made === undefined || !wasSure || this.#doubts !== doubts) this.doubt();
      else {
        if (made.sandbox !== undefined) this.#sandboxes.set(made.sandbox.id, made.sandbox);
        if (made.container !== undefined) this.#containers.set(made.container.id, made.container);
        this.#settled = doubts;
      }
    }
  }

  /** The shared listing begins. `isEvent`: the runtime said that something has ended. */
  mark(isEvent: boolean): void {
    this.#isEvent = isEvent;
    this.#mark = this.#busy === 0 ? this.#turn : undefined;
  }

  /** No deed or look of its own since `mark`: the listing tells of it. */
  get isStill(): boolean {
    return this.#mark === this.#turn;
  }

  /** What the shared listing found of this pod: true if that is news, which the next snapshot has. */
  compare(listing: Listing): boolean {
    if (!this.isStill) {
      // The next periodic listing makes up for one that was missed; an end is looked into after the deed.
      if (this.#isEvent) this.doubt();
      return this.#isEvent && this.#busy === 0;
    }
    const found = fingerprint(
      listing.sandboxes.map(({ id, state }) => [id, state === "ready"]),
      listing.containers.map(({ id, state }) => [id, state]),
    );
    const believed = fingerprint(
      [...this.#sandboxes.values()].map(({ id, ready }) => [id, ready]),
      [...this.#containers.values()].map(({ id, state }) => [id, state]),
    );
    if (found === believed || found === this.#told) return false;
    this.#told = found;
    this.#listed = listing;
    return true;
  }

  async containerFact(id: string, sandboxId: string): Promise<ContainerFact> {
    const status = await this.#cri.containerStatus(id);
    const name = status.labels[containerNameLabel] ?? status.metadata.name;
    return {
      id,
      name,
      sandboxId,
      attempt: status.metadata.attempt,
      state: status.state,
      createdAt: status.createdAtMs,
      startedAt: status.startedAtMs,
      finishedAt: status.finishedAtMs,
      exitCode: status.exitCode,
      reason: status.reason,
      message: status.message === "" ? "" : this.#shown(name, status.message),
      hash: status.annotations[hashAnnotation] ?? "",
      imageId: status.imageRef,
    };
  }

  async #during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    this.#turn += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      this.#turn += 1;
      this.#told = undefined;
    }
  }

  async #look(): Promise<void> {
    const doubts = this.#doubts;
    const listing = this.#listed;
    const { sandboxes, containers } = listing ?? (await this.#list());
    const [oldSandboxes, oldContainers] = [this.#sandboxes, this.#containers];
    this.#sandboxes = await detail(sandboxes, async (item) => {
      const known = oldSandboxes.get(item.id);
      const isKnown = known?.ready === (item.state === "ready") && (known.ip !== "" || known.hostNetwork);
      return isKnown ? known : this.#sandbox(item);
    });
    this.#containers = await detail(containers, async (item) => {
      const known = oldContainers.get(item.id);
      return known?.state === item.state ? known : this.containerFact(item.id, item.podSandboxId);
    });
    if (this.#listed === listing) this.#listed = undefined;
    if (this.#doubts === doubts) this.#settled = doubts;
  }

  async #list(): Promise<Listing> {
    const labels = { [podUidLabel]: this.#uid };
    const sandboxes = await this.#cri.listPodSandboxes({ labels });
    return { sandboxes, containers: await this.#cri.listContainers({ labels }) };
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
}

/** What the runtime lists of one pod. */
export interface Listing {
  readonly sandboxes: readonly Sandbox[];
  readonly containers: readonly Container[];
}

/** What a call has made, as the runtime answered. */
export interface Made {
  readonly sandbox?: SandboxFact;
  readonly container?: ContainerFact;
}

type Stated = readonly (readonly [id: string, state: string | boolean])[];

function fingerprint(sandboxes: Stated, containers: Stated): string {
  return [...sandboxes, ...containers]
    .map(([id, state]) => `${id}=${state}`)
    .toSorted()
    .join(";");
}

/** Keeps the order of `items`; one that vanished between list and status is left out. */
async function detail<I extends { readonly id: string }, F>(
  items: readonly I[],
  fact: (item: I) => Promise<F>,
): Promise<Map<string, F>> {
  const facts = new Map<string, F>();
  for (const item of items) {
    try {
      facts.set(item.id, await fact(item));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return facts;
}
