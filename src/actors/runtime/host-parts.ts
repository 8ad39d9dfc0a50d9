import type { Rng } from "../../env/env.ts";
import type { Term } from "../../store/revision.ts";
import type { ActorDirectory } from "./actor.ts";
import type { HostOptions, HostTask } from "./actor-host.ts";
import { createBreaker, type Breaker } from "./breaker.ts";
import { createClusterClock, type ClusterClock } from "./cluster-clock.ts";
import { createDeadLetters, type DeadLetters } from "./dead-letters.ts";
import { createDirectory, type OpenDirectory } from "./directory.ts";
import { createEvaluation, type Evaluate } from "./evaluation.ts";
import { createEvaluator } from "./evaluator.ts";
import { openActors } from "./host-actors.ts";
import type { Job } from "./job.ts";
import { createMailbox, type Mailbox } from "./mailbox.ts";
import { createNoteWriter } from "./notes.ts";
import { createParking, type Parking } from "./parking.ts";
import { createQuarantine, type Quarantine } from "./quarantine.ts";
import { createReactionTasks, type ReactionTasks } from "./reaction-tasks.ts";
import { createReactions, type Reactions } from "./reactions.ts";
import { createReleases, type Releases } from "./releases.ts";
import { createResults, type Results } from "./results.ts";
import { createTimers, type Timers } from "./timers.ts";
import { createTurns, type Turns } from "./turns.ts";

/** What the host is put together from. None of these parts knows of the log. */
export interface HostParts {
  readonly clock: ClusterClock;
  readonly random: Rng;
  readonly mailbox: Mailbox<Job>;
  readonly directory: OpenDirectory;
  readonly actors: ActorDirectory;
  readonly quarantine: Quarantine;
  readonly parking: Parking;
  readonly deadLetters: DeadLetters;
  readonly breaker: Breaker;
  readonly turns: Turns;
  readonly reactions: Reactions;
  readonly timers: Timers;
  readonly tasks: ReactionTasks;
  readonly releases: Releases;
  readonly results: Results;
  readonly evaluate: Evaluate;
}

/** What the parts need of the host. */
export interface PartsHost {
  readonly submit: (task: HostTask) => void;
  /** The term that this member leads, if it does. */
  readonly term: () => Term | undefined;
  readonly timersFailed: (error: Error) => void;
}

export function createHostParts(options: HostOptions, host: PartsHost): HostParts {
  const { env, store, machines, kinds } = options;
  const clock = createClusterClock(env.clock);
  clock.committed(store.decidedMs);
  const random = env.random.stream("host");
  const mailbox = createMailbox<Job>();
  const directory = createDirectory();
  const turns = createTurns();
  const quarantine = createQuarantine(store);
  const parking = createParking({ kinds, quarantine });
  const deadLetters = createDeadLetters(store);
  const breaker = createBreaker(store, machines);
  const evaluator = createEvaluator();
  const timers = createTimers({
    store,
    clock: env.clock,
    now: () => clock.now(),
    fire: (row) => tasks.timerDue(row),
    failed: (error) => host.timersFailed(error),
  });
  const shared = { store, kinds, breaker, quarantine, deadLetters, timers };
  const { faults, log } = env;
  const reactions = createReactions({ ...shared, parking, turns, evaluator, faults, log });
  const { submit, term } = host;
  const tasks = createReactionTasks({ env, timers, reactions, random, quarantine, parking, submit, term });
  const releases = createReleases({ clock: env.clock, directory, quarantine, parking, breaker, reactions, tasks });
  return {
    clock,
    random,
    mailbox,
    directory,
    actors: openActors({
      parts: { ...shared, directory, turns, evaluator },
      clock: env.clock,
      now: () => clock.now(),
      waiting: () => mailbox.perObject(),
      retrying: () => tasks.retrying,
    }),
    quarantine,
    parking,
    deadLetters,
    breaker,
    turns,
    reactions,
    timers,
    tasks,
    releases,
    results: createResults(store),
    evaluate: createEvaluation({ options, clock, random, reactions, turns, notes: createNoteWriter(kinds) }),
  };
}
