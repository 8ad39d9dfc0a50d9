import type { Millis } from "../../util/time.ts";

/** One line of `kubectl get actors`. */
export interface ActorView {
  /** Its name in the API, where the path alone would not be unique; the directory gives it. */
  readonly name?: string;
  /** `/ctl/deployment`, `/sched`, `/node/n1/pod/<uid>/probe/app`. */
  readonly path: string;
  readonly machine: string;
  readonly version: number;
  /** State id of its machine, `running`, `pod.ready`. */
  readonly state: string;
  /** Wall time at which it entered its state; 0: unknown. */
  readonly since: Millis;
  readonly restarts: number;
  readonly mailbox: number;
  /** Path of its supervisor; `keeper` for the root of a process. */
  readonly supervisor: string;
  readonly status: "live" | "backoff" | "quarantined" | "stopped";
  readonly lastError?: string;
}

/** Whoever runs actors lists them here; the API reads it for `actors.troupe.dev`. */
export interface ActorDirectory {
  list(): readonly ActorView[];
  /** By the name that the API uses: the path's segments joined by dots, lower case, without uid. */
  get(name: string): ActorView | undefined;
}
