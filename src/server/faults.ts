/**
 * Faults of one program that was started with `--enable-faults`: the world that obeys them, and the
 * Fault objects that say which. Without the flag nothing of this is made.
 */
import type { ActorHost } from "../actors/runtime/actor-host.ts";
import type { WriteRequest } from "../actors/runtime/command.ts";
import { FaultTarget, type FaultTargetOptions } from "../actors/runtime/fault-target.ts";
import type { Env } from "../env/env.ts";
import { createFaultTable, type FaultTable } from "../env/fault-table.ts";
import type { LabelsOf } from "../env/fault-matcher.ts";
import { faultyEnv, obeyProgramFaults } from "../env/faulty-env.ts";
import type { FaultJournal, Program } from "../env/program.ts";
import type { Fault, Pod } from "../kinds/generated/types.ts";
import type { Kind } from "../kinds/kind.ts";
import type { Cri } from "../node/cri/cri.ts";
import { createFaultyCri } from "../node/cri/faulty.ts";
import type { Desired, Reporter } from "../node/desired.ts";
import type { Store } from "../store/store.ts";

export const faultKind = "faults.faults.troupe.dev";

export interface ProcessFaultsOptions {
  readonly env: Env;
  readonly self: FaultTargetOptions["self"];
  readonly program: Program;
  readonly journal: FaultJournal;
  /** Of the world that it lives in: a virtual cluster's. */
  readonly shared?: FaultTable | undefined;
}

const reportDeadlineMs = 5_000;
const sourceOfMaster = "fault-controller";

export class ProcessFaults {
  /** Of the program and all its parts. */
  readonly env: Env;
  readonly table: FaultTable;
  readonly #options: ProcessFaultsOptions;
  readonly #endProgram: () => void;
  #labelsOf: LabelsOf = () => undefined;
  #isLeader: () => boolean = () => false;
  #target: FaultTarget | undefined;
  #close: () => void = () => {};

  constructor(options: ProcessFaultsOptions) {
    const { env, self, program } = options;
    this.#options = options;
    this.table = createFaultTable({
      clock: env.clock,
      rng: env.random.stream("faults"),
      labelsOf: (path) => this.#labelsOf(path),
      onHit: (active) => this.#target?.hit(active),
    });
    const whose = self.role === "master" ? { master: self.name } : { node: self.name };
    const isMaster = self.role === "master";
    this.env = faultyEnv({
      env,
      table: this.table,
      shared: options.shared,
      whose: () => (isMaster ? { ...whose, isLeader: this.#isLeader() } : whose),
    });
    this.#endProgram = obeyProgramFaults(this.env, isMaster ? `/master/${self.name}` : `/node/${self.name}`, program);
  }

  /** Once the master's parts exist. Every master follows its own committed rows, whether it leads or not. */
  followStore({
    store,
    host,
    kinds,
  }: {
    readonly store: Store;
    readonly host: ActorHost;
    readonly kinds: readonly Kind[];
  }): void {
    this.#isLeader = () => host.isLeader;
    this.#labelsOf = labelsOfRows(store, kinds);
    const user = { name: `system:master:${this.#options.self.name}`, groups: ["system:masters"] };
    const target = this.#begin({
      report: async (fault, status) => {
        const request = { ...statusPatch(fault, status), user } satisfies WriteRequest;
        await host.write(request, { class: "system", deadlineMs: reportDeadlineMs });
      },
      removed: (fault) => noteRemoval(host, fault, this.#options.env),
    });
    const follow = (): void => {
      const rows = store.committed.list(faultKind).map((row) => row.object<Fault>());
      // A master reads its log again at a start, so any of them may be old.
      target.follow(rows, { isFirst: true });
    };
    let handle: { close(): void };
    const watch = (): void => {
      handle = store.watch(faultKind, store.revision, { events: follow, expired: watch });
      follow();
    };
    watch();
    this.#close = () => handle.close();
  }

  /** Once the agent's link exists. */
  followDesired(desired: Desired, reporter: Reporter): void {
    this.#labelsOf = (path) => {
      const [, ns = "", name = ""] = /^\/node\/[^/]+\/pod\/([^/]+)\/([^/]+)/.exec(path) ?? [];
      return name === "" ? undefined : desired.get<Pod>("pods", ns, name)?.metadata.labels;
    };
    const target = this.#begin({
      report: async (fault, status) => void (await reporter.report(statusPatch(fault, status))),
    });
    let isFirst = true;
    desired.onChange((changed) => {
      if (!desired.synced || (!isFirst && !changed.has(faultKind))) return;
      target.follow(desired.list<Fault>(faultKind), { isFirst });
      isFirst = false;
    });
  }

  /** The runtime of an agent obeys; a crash at a call is the agent's. */
  wrapCri(node: string): (cri: Cri) => Cri {
    const { env, program } = this.#options;
    let crashes = 0;
    return (runtime) =>
      createFaultyCri({
        runtime,
        node,
        clock: env.clock,
        faults: this.env.faults,
        crash: () => program.kill(),
        isAlive: () => true,
        isBehind: () => (crashes += 1) % 2 === 0,
      });
  }

  stop(): void {
    this.#close();
    this.#target?.stop();
    this.#endProgram();
    this.table.clear();
  }

  #begin(how: Pick<FaultTargetOptions, "report" | "removed">): FaultTarget {
    const { env, self, journal } = this.#options;
    // Its own clock and disk are not those that it makes go wrong.
    this.#target = new FaultTarget({ clock: env.clock, log: env.log, table: this.table, journal, self, ...how });
    return this.#target;
  }
}

function statusPatch(fault: Fault, status: object): Omit<WriteRequest, "user"> {
  return {
    verb: "patch",
    kind: faultKind,
    namespace: "",
    name: fault.metadata.name,
    subresource: "status",
    patch: { type: "strategic", body: { status: { targets: [status] } } as never },
    preconditions: { uid: fault.metadata.uid },
    tracking: "sparse",
  };
}

/** Nobody plans for an object that is gone: the master that leads tells of its end. */
function noteRemoval(host: ActorHost, { metadata }: Fault, { log }: Env): void {
  if (!host.isLeader) return;
  const { name, uid } = metadata;
  host.submit({
    class: "system",
    cause: { origin: "system", actor: "/ctl/fault", event: "removed" },
    evaluate: (transaction) => {
      const about = { kind: faultKind, namespace: "", name, uid };
      const note = { type: "Normal", reason: "FaultEnded", message: "it was deleted", source: sourceOfMaster } as const;
      transaction.note({ about, ...note });
      return [];
    },
    failed: (error) => log("info", "fault.note", { fault: name, error: error.message }),
  });
}

/** `/obj/apps/deployments/default/web`, or the words of a message: `deployments.apps/default/web`. */
function labelsOfRows(store: Store, kinds: readonly Kind[]): LabelsOf {
  const ids = new Set(kinds.map(({ id }) => id));
  return (path) => {
    const segments = path.split("/");
    if (path.startsWith("/obj/")) {
      const [, , group, plural = "", ns = "", name = ""] = segments;
      const id = group === "core" ? plural : `${plural}.${group}`;
      return ids.has(id) ? store.tip.get(id, ns, name)?.hot.labels : undefined;
    }
    const [id = "", ns = "", name = ""] = segments;
    return ids.has(id) ? store.tip.get(id, ns, name)?.hot.labels : undefined;
  };
}
