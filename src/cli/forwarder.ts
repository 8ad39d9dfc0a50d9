/**
 * One address for several masters: takes connections on two ports, API and gRPC, and carries their bytes to the
 * master that leads, or else to one that answers. TLS is between client and master; the forwarder reads nothing. A
 * master that dies takes its connections along; one that has gone silent loses them here, so that clients connect
 * anew and reach another.
 */
import { Carrier } from "./forward-carrier.ts";
import { ForwardWatch } from "./forward-watch.ts";

export interface ForwarderOptions {
  /** Where it listens. */
  readonly host: string;
  readonly apiPort: number;
  readonly grpcPort: number;
  /** `HOST:PORT` of every master's API, whose next port is gRPC. Asked again and again: it may change. */
  readonly masters: () => readonly string[];
  /** PEM of the authority of the masters' certificates. */
  readonly authority: () => string;
  /** How often each master is asked whether it leads; at once where a connection breaks. */
  readonly pollMs?: number;
  /** Into a log. */
  readonly complain: (words: string) => void;
}

export interface Forwarder {
  /** The master that said last that it leads. */
  readonly leader: string | undefined;
  /** The list of masters has changed. */
  refresh(): void;
  stop(): void;
}

const pollDefaultMs = 150;

export async function startForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const { host, apiPort, grpcPort, masters, authority, pollMs = pollDefaultMs, complain } = options;
  const watch = new ForwardWatch({
    masters,
    authority,
    pollMs,
    complain,
    onSilent(master) {
      for (const carrier of carriers) for (const target of [master, grpcOf(master)]) carrier.drop(target);
    },
  });
  const common = { host, complain };
  const carriers = [
    new Carrier({
      ...common,
      port: apiPort,
      targets: () => watch.order,
      broken: (target, isRefused) => watch.broken(target, isRefused),
    }),
    new Carrier({
      ...common,
      port: grpcPort,
      targets: () => watch.order.map(grpcOf),
      broken(target, isRefused) {
        const master = masters().find((each) => grpcOf(each) === target);
        if (master !== undefined) watch.broken(master, isRefused);
      },
    }),
  ];
  await Promise.all(carriers.map((carrier) => carrier.listen()));
  watch.start();
  return {
    get leader() {
      return watch.leader;
    },
    refresh: () => watch.start(),
    stop() {
      watch.stop();
      for (const carrier of carriers) carrier.stop();
    },
  };
}

/** `10.0.0.1:6443` → `10.0.0.1:6444`. */
export function grpcOf(api: string): string {
  const colon = api.lastIndexOf(":");
  return `${api.slice(0, colon)}:${Number(api.slice(colon + 1)) + 1}`;
}
