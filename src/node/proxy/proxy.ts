/**
 * The node's service proxy: keeps the nft table equal to Services, EndpointSlices and host ports. One
 * transaction at a time, changes that come meanwhile are joined into the next; any doubt about what
 * the kernel holds is answered by loading the whole table. `programmedRevision` is what the node
 * reports, and what terminating pods wait for.
 */
import type { Clock, Log, Timer } from "../../env/env.ts";
import type { Exec } from "../../env/host.ts";
import type { FaultPort } from "../../env/faults.ts";
import { passMessage } from "../../env/faulty-mail.ts";
import type { EndpointSlice, Pod, Service } from "../../kinds/generated/types.ts";
import type { KindId } from "../../kinds/kind.ts";
import type { Revision } from "../../store/revision.ts";
import { asError, messageOf, TransientError } from "../../util/errors.ts";
import type { Desired } from "../desired.ts";
import { commandsOf, replaceTable } from "./commands.ts";
import { deleteFlows, staleFlows, type StaleFlow } from "./conntrack.ts";
import { elementsOf, groupIds, noElements } from "./elements.ts";
import { hostPortElements } from "./host-ports.ts";
import { proxyLimits } from "./limits.ts";
import { startProxyActor, type ProxyActor } from "./machine.ts";
import { Nft } from "./nft.ts";
import { servicePorts, type ServicePort } from "./service-ports.ts";
import { skeleton, type TableSettings } from "./skeleton.ts";
import { GroupNumbers } from "./slots.ts";
import { countElements, isEmpty, Wanted } from "./wanted.ts";

export interface ProxyOptions {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Log;
  readonly faults: FaultPort;
  readonly desired: Desired;
  readonly node: string;
  readonly settings: TableSettings;
  /** Called when `programmedRevision` has grown. */
  readonly onProgrammed: (revision: Revision) => void;
  /** It met what it does not expect and has stopped: whoever supervises it starts another one. */
  readonly failed: (error: Error) => void;
  /** How often to look whether the table is still there; absent: the proxy's own period. */
  readonly checkMs?: number;
}

export interface Proxy {
  readonly state: ProxyActor["state"];
  readonly restarts: number;
  readonly lastError: string | undefined;
  readonly programmedRevision: Revision;
  /** Stops programming; the rules stay. */
  stop(): void;
}

export function startProxy(options: ProxyOptions): Proxy {
  return new TableProxy(options);
}

const serviceKind: KindId = "services";
const sliceKind: KindId = "endpointslices.discovery.k8s.io";
const serviceNameLabel = "kubernetes.io/service-name";

class TableProxy implements Proxy {
  readonly #options: ProxyOptions;
  readonly #nft: Nft;
  readonly #actor = startProxyActor();
  readonly #groups = new GroupNumbers();
  readonly #wanted = new Wanted();
  readonly #ports = new Map<string, readonly ServicePort[]>();
  readonly #slicesOf = new Map<string, Set<string>>();
  readonly #serviceOfSlice = new Map<string, string>();
  readonly #dirtyServices = new Set<string>();
  readonly #dirtyPods = new Set<string>();
  #stale: StaleFlow[] = [];
  #known = false;
  #busy = false;
  #stopped = false;
  #retryMs: number = proxyLimits.retryMinMs;
  #check: Timer | undefined;
  programmedRevision: Revision = 0;
  restarts = 0;
  lastError: string | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#nft = new Nft(options.exec, options.clock);
    options.desired.onChange((changed) => {
      const { clock, faults, node } = options;
      const path = `/node/${node}/proxy`;
      passMessage({ clock, faults }, { seam: "mailbox", path }, () => this.#onChange(changed));
    });
    // All at once: Services alone, without their endpoints, would be rejected for a while.
    const keysOf = (kind: KindId): Set<string> =>
      new Set(options.desired.list(kind).map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`));
    this.#onChange(new Map([serviceKind, sliceKind, "pods"].map((kind) => [kind, keysOf(kind)])));
    this.#scheduleCheck();
  }

  get state(): ProxyActor["state"] {
    return this.#actor.state;
  }

  stop(): void {
    this.#stopped = true;
    this.#check?.cancel();
    this.#nft.close();
    this.#actor.stop();
  }

  #onChange(changed: ReadonlyMap<KindId, ReadonlySet<string>>): void {
    if (this.#stopped) return;
    try {
      for (const key of changed.get(serviceKind) ?? []) this.#dirtyServices.add(key);
      for (const key of changed.get(sliceKind) ?? []) this.#dirtySlice(key);
      for (const key of changed.get("pods") ?? []) this.#dirtyPods.add(key);
    } catch (error) {
      return this.#crash(error);
    }
    void this.#flush();
  }

  /** Not to be mended by trying again: the rules stay, this proxy ends. */
  #crash(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#options.failed(asError(error));
  }

  #dirtySlice(key: string): void {
    const slice = this.#get<EndpointSlice>(sliceKind, key);
    const name = slice?.metadata.labels?.[serviceNameLabel];
    const service = name === undefined ? undefined : `${slice!.metadata.namespace}/${name}`;
    const before = this.#serviceOfSlice.get(key);
    if (before !== undefined && before !== service) {
      this.#slicesOf.get(before)?.delete(key);
      this.#dirtyServices.add(before);
    }
    if (service === undefined) {
      this.#serviceOfSlice.delete(key);
      return;
    }
    this.#serviceOfSlice.set(key, service);
    this.#slicesOf.set(service, (this.#slicesOf.get(service) ?? new Set()).add(key));
    this.#dirtyServices.add(service);
  }

  #get<O extends Service | EndpointSlice | Pod>(kind: KindId, key: string): O | undefined {
    const slash = key.indexOf("/");
    return this.#options.desired.get<O>(kind, key.slice(0, slash), key.slice(slash + 1));
  }

  /** Writes what has changed, again and again until nothing has. */
  async #flush(): Promise<void> {
    const { desired, log } = this.#options;
    if (this.#busy || this.#stopped || !desired.synced) return;
    this.#busy = true;
    try {
      for (;;) {
        const revision = desired.revision;
        this.#render();
        if (this.#known && !this.#wanted.isDirty) {
          this.#programmed(revision);
          return;
        }
        this.#actor.send("CHANGE");
        await this.#write();
        const flows = this.#stale.splice(0);
        if (flows.length > 0) await deleteFlows(this.#options.exec, log, flows);
        this.#actor.send("WRITTEN");
        this.#retryMs = proxyLimits.retryMinMs;
        this.#programmed(revision);
        if (this.#dirtyServices.size === 0 && this.#dirtyPods.size === 0) return;
      }
    } catch (error) {
      if (error instanceof TransientError) this.#fail(error);
      else this.#crash(error);
    } finally {
      this.#busy = false;
    }
  }

  async #write(): Promise<void> {
    const { settings, faults } = this.#options;
    const fault = faults.at({ seam: "nft", path: `/node/${this.#options.node}/proxy` });
    if (fault.kind === "crash") throw new Error("fault injected: crash");
    if (fault.kind === "error") throw new TransientError(fault.message);
    if (fault.kind === "drop") throw new TransientError("a fault was injected");
    if (fault.kind === "delay") await new Promise<void>((resolve) => void this.#options.clock.after(fault.ms, resolve));
    if (!this.#known) {
      const all = this.#wanted.takeAll();
      await this.#nft.load(replaceTable(settings.table, skeleton(settings), all));
      this.#known = true;
      return;
    }
    const delta = this.#wanted.takeDelta();
    if (isEmpty(delta)) return;
    const commands = commandsOf(settings.table, delta);
    const bytes = commands.reduce((sum, command) => sum + command.length + 2, 0);
    const small = countElements(delta) <= proxyLimits.lineElementsMax && bytes <= proxyLimits.lineBytes;
    if (small) await this.#nft.apply(commands);
    else await this.#nft.load(`${commands.join("\n")}\n`);
  }

  #programmed(revision: Revision): void {
    if (revision <= this.programmedRevision) return;
    this.programmedRevision = revision;
    this.#options.onProgrammed(revision);
  }

  /** The kernel's state is in doubt: the last good rules serve on, and the whole table is loaded next. */
  #fail(error: Error): void {
    const { clock, log } = this.#options;
    this.#known = false;
    this.restarts += 1;
    this.lastError = messageOf(error);
    this.#actor.send("FAILED");
    log("warn", "proxy.failed", { error: this.lastError, retryMs: this.#retryMs });
    clock.after(this.#retryMs, () => {
      if (this.#stopped) return;
      this.#actor.send("RETRY");
      void this.#flush();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, proxyLimits.retryMaxMs);
  }

  #render(): void {
    for (const key of this.#dirtyServices) this.#renderService(key);
    for (const key of this.#dirtyPods) {
      const pod = this.#get<Pod>("pods", key);
      this.#wanted.set(`pod/${key}`, pod === undefined ? noElements : hostPortElements(pod));
    }
    this.#dirtyServices.clear();
    this.#dirtyPods.clear();
  }

  #renderService(key: string): void {
    const service = this.#get<Service>(serviceKind, key);
    const slices = [...(this.#slicesOf.get(key) ?? [])]
      .toSorted()
      .flatMap((slice) => this.#get<EndpointSlice>(sliceKind, slice) ?? []);
    const before = this.#ports.get(key) ?? [];
    const after = service === undefined ? [] : servicePorts(service, slices, this.#options.node);
    this.#stale.push(...staleFlows(before, after));
    const left = new Set(after.map((port) => port.id));
    for (const { id } of before.filter((port) => !left.has(port.id))) {
      this.#wanted.set(id, noElements);
      for (const group of groupIds(id)) this.#groups.release(group);
    }
    for (const port of after) this.#wanted.set(port.id, elementsOf(port, this.#groups));
    if (after.length === 0) this.#ports.delete(key);
    else this.#ports.set(key, after);
  }

  /** A firewall's restart flushes every table; ours is put back within one period. */
  #scheduleCheck(): void {
    const { clock, settings, log, checkMs = proxyLimits.checkMs } = this.#options;
    this.#check = clock.after(
      checkMs,
      () => {
        if (this.#stopped) return;
        this.#nft
          .hasTable(settings.table)
          .then((present) => {
            if (present || !this.#known || this.#busy) return;
            log("warn", "proxy.table-lost", { table: settings.table });
            this.#known = false;
            void this.#flush();
          })
          .catch((error: unknown) => log("warn", "proxy.check", { error }))
          .finally(() => this.#scheduleCheck());
      },
      { daemon: true },
    );
  }
}
