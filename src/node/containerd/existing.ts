import type { Clock, Log, Timer } from "../../env/env.ts";
import { messageOf, TransientError, UserError } from "../../util/errors.ts";
import type { Cri } from "../cri/cri.ts";
import { untilAnswering } from "./answering.ts";
import type { Containerd } from "./containerd.ts";
import { watchMs } from "./limits.ts";

/**
 * A containerd that somebody else runs: asked whether it answers and what it was configured to, never
 * started, stopped or configured. What of its configuration the node cannot work with is refused at
 * the start, in words.
 */
export interface ExistingRuntime extends Pick<Containerd, "state" | "release"> {
  readonly settings: RuntimeSettings;
}

export interface RuntimeSettings {
  readonly apparmor: boolean;
  readonly cniConfDirectory: string;
  readonly cniBinDirectory: string;
}

export interface ExistingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly cri: Cri;
  /** For messages. */
  readonly socket: string;
}

/** Waits until it answers. Throws `UserError` for what its owner must change, `TransientError` for silence. */
export async function joinRuntime({ clock, log, cri, socket }: ExistingOptions): Promise<ExistingRuntime> {
  await answering({ clock, cri, socket });
  const settings = parseSettings(await cri.configuration(), socket);
  let state: Containerd["state"] = "running";
  let timer: Timer | undefined;
  let isOver = false;
  const look = async (): Promise<void> => {
    try {
      await cri.version();
      if (state !== "running") log("info", "runtime-back", { socket });
      state = "running";
    } catch (error) {
      if (state === "running") log("warn", "runtime-gone", { socket, error: messageOf(error) });
      state = "restarting";
    }
    if (!isOver) watch();
  };
  const watch = (): void => {
    timer = clock.after(watchMs, () => void look(), { daemon: true });
  };
  watch();
  return {
    settings,
    get state() {
      return state;
    },
    release() {
      isOver = true;
      timer?.cancel();
    },
  };
}

function answering({ clock, cri, socket }: Pick<ExistingOptions, "clock" | "cri" | "socket">): Promise<void> {
  return untilAnswering({ clock, cri }, (error, isLate) => {
    if (error.kind === "unimplemented") {
      throw new UserError("TRP-0304", `what answers at ${socket} does not speak CRI v1`, {
        cause: error,
        hint: 'take "cri" out of disabled_plugins in /etc/containerd/config.toml and restart containerd',
      });
    }
    if (isLate) throw new TransientError(`the runtime at ${socket} does not answer`, { cause: error });
  });
}

interface RawConfiguration {
  readonly cni?: { readonly binDir?: string; readonly binDirs?: readonly string[]; readonly confDir?: string };
  readonly disableApparmor?: boolean;
  readonly containerd?: {
    readonly defaultRuntimeName?: string;
    readonly runtimes?: Readonly<
      Record<string, { readonly options?: { readonly SystemdCgroup?: boolean } | null } | undefined>
    >;
  };
}

/** `text`: containerd's CRI configuration, as its verbose status gives it (1.6 to 2.x). */
export function parseSettings(text: string | undefined, socket: string): RuntimeSettings {
  const raw = text === undefined ? undefined : (JSON.parse(text) as RawConfiguration);
  const cniConfDirectory = raw?.cni?.confDir ?? "";
  const cniBinDirectory = raw?.cni?.binDir ?? raw?.cni?.binDirs?.[0] ?? "";
  if (cniConfDirectory === "" || cniBinDirectory === "") {
    throw new UserError("TRP-0304", `the runtime at ${socket} does not tell where its network plugins lie`, {
      cause: new Error("Troupe reads them from containerd's verbose status; other runtimes are not supported"),
      hint: "use containerd, or leave --container-runtime-endpoint out: Troupe then runs a containerd of its own",
    });
  }
  const { defaultRuntimeName = "runc", runtimes = {} } = raw?.containerd ?? {};
  if (runtimes[defaultRuntimeName]?.options?.SystemdCgroup === true) {
    throw new UserError("TRP-0305", `the runtime at ${socket} hands its cgroups to systemd`, {
      cause: new Error("Troupe makes the pods' cgroups itself (driver cgroupfs)"),
      hint: "set SystemdCgroup = false for its runc in /etc/containerd/config.toml and restart containerd",
    });
  }
  return {
    apparmor: raw?.disableApparmor !== true,
    cniConfDirectory,
    cniBinDirectory,
  };
}
