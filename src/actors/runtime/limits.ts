import type { Millis } from "../../util/time.ts";
/** Limits of the actor runtime. Each name ends in its unit. */

/** A turn of the host ends after this long; other work of the event loop goes ahead then. */
export const turnMsMax = 2;
/** But not before it has done this many: where other processes have the CPU, time passes without work. */
export const turnCommandsMin = 16;
/** One command that takes longer than this is a fault that is shown: everybody else has waited. */
export const slowTurnMs = 50;
/** Actors whose slow turns are remembered. */
export const slowActorsMax = 256;
/** Commands in one turn, for clocks that do not move inside a turn. */
export const turnCommandsMax = 256;
/** Entries handed to the log and not yet committed. */
export const inFlightEntriesMax = 4_096;
export const inFlightBytesMax: number = 16 * 1024 * 1024;
/** Share of the two limits above at which controllers pause. */
export const controllersPausePercent = 75;
/** Commands that wait, per class; the next is refused with 429. */
export const queuedCommandsMax = 4_096;
/** Commands that wait for one object. */
export const queuedPerObjectCommandsMax = 64;
/** What a refused client is told to wait. */
export const retryAfterSeconds = 1;
/** One outcome, encoded: one log entry. */
export const outcomeBytesMax: number = 4 * 1024 * 1024;
/** A command for a leader that is not known yet is tried again after this long; one without an answer after that. */
export const forwardRetryMs: Millis = 10;
export const forwardAgainMs: Millis = 500;
/** The outcome of a command is here before the leader's answer: so long that is waited for. */
export const forwardAnswerMs: Millis = 200;
/** A new leader's controllers begin this long after it: clients that waited for a leader go first. */
export const leaderPartsDelayMs: Millis = 25;
/** Where none of them is answered then, it waits for the first, so often and at most this long. */
export const leaderPartsLookMs: Millis = 5;
export const leaderPartsLatestMs: Millis = 250;
/** A read index that a change of the leader has dropped is asked for again after this long, so often. */
export const readIndexRetryMs: Millis = 10;
export const readIndexTriesMax = 1_000;
/** Row writes of one plan. */
export const planWritesMax = 500;

/** Steps of one machine that are kept: more than its states times its events. */
export const stepsKeptMax = 1_024;

/** First pause of a failing key or actor; doubled each time. */
export const backoffBaseMs = 100;
/** Longest pause of a controller's key. */
export const keyBackoffMsMax = 60_000;
/** Longest pause before an actor's failed reaction is tried again. */
export const actorBackoffMsMax = 30_000;
/** All keys of every controller are planned again this often. */
export const auditEveryMs = 600_000;

/** More faults than this many … */
export const quarantineFaultsMax = 3;
/** … in this time put an actor into quarantine. */
export const quarantineWindowMs = 5_000;
/** A quarantined actor is probed this often. */
export const quarantineProbeMs = 300_000;
/** The same event failing this often becomes a dead letter. */
export const deadLetterAttemptsMax = 3;
export const deadLettersMax = 10_000;
/** Dead letters of one actor that a listing of actors shows. */
export const shownLettersMax = 10;
export const deadLetterAgeMsMax: number = 7 * 86_400_000;
/** Distinct failing actors of one machine version that open its breaker … */
export const breakerActorsMin = 50;
/** … or this share of all rows of the kind, if that is more … */
export const breakerActorsPercent = 1;
/** … in this time. */
export const breakerWindowMs = 60_000;

/** Overdue timers are fired at this rate after a failover. */
export const overdueTimersPerSecondMax = 2_000;

/** Events of the same text within this time are counted up instead of written anew. */
export const noteAggregationMs = 600_000;
/** Notes about one object from one source before the limit holds … */
export const noteBurstCount = 25;
/** … and how often one more is allowed then. */
export const noteRefillMs = 300_000;
/** Sources and objects whose note budget is remembered. */
export const noteBudgetsMax = 4_096;

/** Objects with mail, timers or faults that a listing of actors shows. */
export const listedObjectsMax = 1_000;

/** The cluster clock follows wall time by at most this much. */
export const clockSlewPercent = 5;

/** How long a person's release may take. */
export const releaseDeadlineMs = 10_000;

/** A new leader's clock that moves on by more than this is worth a line. */
export const clockJumpWarnMs = 5_000;

/** What faults did is told this long after a hit, and again after a failure. */
export const faultReportMs = 200;
export const faultReportRetryMs = 1_000;
