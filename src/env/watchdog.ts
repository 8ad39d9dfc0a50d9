/**
 * The seam to a watchdog: it ends the process when the event loop stands still, and keeps the note of
 * what was under evaluation then for the next start.
 */
export interface Watchdog {
  /** This is evaluated from now on. Cheap: called for every command. */
  enter(note: CrumbNote): void;
}

/** What a watchdog keeps of a process that it ended. */
export interface CrumbNote {
  /** Path of the actor: `/ctl/deployment/default/web`. */
  readonly actor: string;
  readonly event: string;
}

export const noWatchdog: Watchdog = { enter: () => {} };
