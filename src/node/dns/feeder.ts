/** The agent's end of the DNS feed: keeps one connection to the DNS process and sends what changed. */
import type { Clock, Log } from "../../env/env.ts";
import type { ByteStream, HostNet } from "../../env/host.ts";
import type { KindId } from "../../kinds/kind.ts";
import type { Desired } from "../desired.ts";
import type { DnsSettings, FeedLine } from "./process.ts";
import { asError } from "../../util/errors.ts";

const kinds: readonly KindId[] = ["namespaces", "services", "endpointslices.discovery.k8s.io", "pods"];
const reconnectMs = 200;

export interface DnsFeederOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly net: HostNet;
  readonly desired: Desired;
  readonly feedPath: string;
  readonly settings: DnsSettings;
  /** Starts the DNS process if none runs; called before each attempt to connect. */
  readonly ensureProcess: () => Promise<void>;
  /** It met what it does not expect and has stopped: whoever supervises it starts another one. */
  readonly failed: (error: Error) => void;
}

export interface DnsFeeder {
  readonly connected: boolean;
  stop(): void;
}

export function startDnsFeeder(options: DnsFeederOptions): DnsFeeder {
  const feeder = new Feeder(options);
  feeder.connect();
  return feeder;
}

class Feeder implements DnsFeeder {
  readonly #options: DnsFeederOptions;
  #stream: ByteStream | undefined;
  #stopped = false;

  constructor(options: DnsFeederOptions) {
    this.#options = options;
    options.desired.onChange((changed) => {
      this.#guard(() => {
        for (const [kind, keys] of changed) if (kinds.includes(kind)) for (const key of keys) this.#sendRow(kind, key);
      });
    });
  }

  get connected(): boolean {
    return this.#stream !== undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#stream?.end();
  }

  #guard(run: () => void): void {
    if (this.#stopped) return;
    try {
      run();
    } catch (error) {
      this.stop();
      this.#options.failed(asError(error));
    }
  }

  connect(): void {
    if (this.#stopped) return;
    const { clock, log, net, ensureProcess, feedPath } = this.#options;
    ensureProcess()
      .then(() => net.dial({ path: feedPath }))
      .then(
        (stream) => this.#guard(() => this.#start(stream)),
        (error: unknown) => {
          log("debug", "dns.feed.retry", { error });
          clock.after(reconnectMs, () => this.connect());
        },
      );
  }

  #start(stream: ByteStream): void {
    const { clock, desired, settings } = this.#options;
    this.#stream = stream;
    stream.onData(() => undefined);
    stream.onClose(() => {
      this.#stream = undefined;
      clock.after(reconnectMs, () => this.connect());
    });
    this.#send({ reset: settings });
    for (const kind of kinds) {
      for (const { metadata } of desired.list(kind))
        this.#sendRow(kind, `${metadata.namespace ?? ""}/${metadata.name}`);
    }
    this.#send({ synced: true });
  }

  #sendRow(kind: KindId, key: string): void {
    const slash = key.indexOf("/");
    const object = this.#options.desired.get(kind, key.slice(0, slash), key.slice(slash + 1)) ?? null;
    this.#send({ kind, key, object });
  }

  #send(line: FeedLine): void {
    this.#stream?.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  }
}
