/**
 * Bugs that someone could make: each is one piece of text of the build replaced by another, in a
 * copy. What must catch it is named beside it: seeds of the simulator, a directed script of
 * test/golden/raft, or tests of test/faults. A piece that is no longer there, or there twice, fails
 * the test: then the bug has to be thought over anew.
 */
export interface Bug {
  readonly name: string;
  /** Below `dist/src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** How many seeds of logs alone, or of whole masters, may be needed, from `firstSeed` (1) on; the script; or the tests that fail, and no other of their suite. */
  readonly caughtBy:
    | { readonly runs: number; readonly firstSeed?: number; readonly world?: "log" | "masters" }
    | { readonly script: string }
    | { readonly suite: string; readonly tests: readonly string[] };
}

const seeds = (runs: number, firstSeed = 1): { readonly runs: number; readonly firstSeed: number } => ({
  runs,
  firstSeed,
});

export const bugs: readonly Bug[] = [
  {
    name: "a vote is told before it is durable",
    file: "raft/core/election.js",
    find: 'turn.sendDurably(from, { type: "voteResp"',
    replace: 'turn.send(from, { type: "voteResp"',
    caughtBy: { script: "election" },
  },
  {
    name: "who has the votes of the others leads before its own is durable",
    file: "raft/core/election.js",
    find: "if (state.votes.has(state.id))\n        becomeLeader(state, turn);",
    replace: "becomeLeader(state, turn);",
    caughtBy: { script: "link-down" },
  },
  {
    name: "votes are asked for before the log that they speak of is durable",
    file: "raft/core/election.js",
    find: "const isSound = state.unpersisted.length === 0;",
    replace: "const isSound = true;",
    caughtBy: { script: "link-down" },
  },
  {
    name: "messages leave before what they promise is durable",
    file: "raft/outgoing.js",
    find: "if (effect.afterSeq > this.#durableSeq)",
    replace: "if (effect.afterSeq > Infinity)",
    caughtBy: seeds(80, 12),
  },
  {
    name: "a follower acknowledges before its write is durable",
    file: "raft/core/follow.js",
    find: "const match = prevIndex + entries.length;\n    commitTo(state, turn, Math.min(message.commit, match));\n    turn.sendDurably(",
    replace:
      "const match = prevIndex + entries.length;\n    commitTo(state, turn, Math.min(message.commit, match));\n    turn.send(",
    caughtBy: seeds(80, 115),
  },
  {
    name: "the leader counts what it has appended, not what is durable",
    file: "raft/core/replication.js",
    find: "id === state.id ? state.durable :",
    replace: "id === state.id ? state.log.lastIndex :",
    caughtBy: seeds(80, 43),
  },
  {
    name: "entries of older terms are committed by counting",
    file: "raft/core/replication.js",
    find: " || state.log.termAt(index) !== state.term",
    replace: "",
    caughtBy: { script: "old-term-commit" },
  },
  {
    name: "a vote does not look at the log",
    file: "raft/core/election.js",
    find: "return state.log.isUpToDate(lastIndex, lastTerm)",
    replace: "return true",
    caughtBy: seeds(80, 10),
  },
  {
    name: "of two logs the longer one is the newer, whatever its term",
    file: "raft/core/log.js",
    find: "return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);",
    replace: "return lastIndex >= this.lastIndex;",
    caughtBy: { script: "newer-log" },
  },
  {
    name: "an append cuts the log wherever it overlaps",
    file: "raft/core/follow.js",
    find: "if (log.termAt(entry.index) === entry.term)\n                continue;",
    replace: "",
    caughtBy: seeds(80, 4),
  },
  {
    name: "a leader without a quorum goes on",
    file: "raft/core/step.js",
    find: 'if (countVotes(state.configs.current, heard) !== "won")',
    replace: "if (heard.size === 0)",
    caughtBy: { script: "check-quorum" },
  },
  {
    name: "a new leader serves reads before its own entry is committed",
    file: "raft/core/reads.js",
    find: "if (state.commit < state.termStart) {",
    replace: "if (state.commit < 0) {",
    caughtBy: seeds(80, 115),
  },
  {
    name: "a read is confirmed by the round before it",
    file: "raft/core/reads.js",
    find: "state.reads.filter((read) => read.round <= confirmed)",
    replace: "state.reads.filter((read) => read.round <= confirmed + 1)",
    caughtBy: { script: "read-index" },
  },
  {
    name: "in a joint configuration only the new voters count",
    file: "raft/core/config.js",
    find: "return Math.min(incoming, majorityValue(config.outgoing, valueOf));",
    replace: "return incoming;",
    caughtBy: { script: "joint-commit" },
  },
  {
    name: "learners count",
    file: "raft/core/config.js",
    find: "const incoming = majorityValue(config.incoming, valueOf);",
    replace: "const incoming = majorityValue([...config.incoming, ...config.learners], valueOf);",
    caughtBy: { script: "learner" },
  },
  {
    name: "two changes of the members at once",
    file: "raft/core/membership.js",
    find: "if (state.configs.currentIndex > state.commit || isJoint(state.configs.current)) {",
    replace: "if (isJoint(state.configs.current)) {",
    caughtBy: { script: "membership" },
  },
  {
    name: "the id of a removed member is taken again",
    file: "raft/core/membership.js",
    find: "if (config.removed.includes(id))\n",
    replace: "if (config.removed.includes(-id))\n",
    caughtBy: { script: "membership" },
  },
  {
    name: "a configuration stays when its entry is cut off",
    file: "raft/core/turn.js",
    find: "state.configs.truncateFrom(index);",
    replace: "",
    caughtBy: { script: "config-cut" },
  },
  {
    name: "a write counts for the entries that replaced its own",
    file: "raft/core/turn.js",
    find: "waiting.upTo = Math.min(waiting.upTo, index - 1);",
    replace: "waiting.upTo += 0;",
    caughtBy: { script: "storage-aba" },
  },
  {
    name: "the window's bytes are not given back",
    file: "raft/core/progress.js",
    find: "progress.inflightBytes -= bytes;",
    replace: "progress.inflightBytes -= 0;",
    caughtBy: seeds(80),
  },
  {
    name: "appends that were lost are not missed until the next proposal",
    file: "raft/core/replication.js",
    find: "sendAppends(state, turn, from, true);\n    }\n    progress.readRound",
    replace: "sendAppends(state, turn, from, progress.mode === 'probe');\n    }\n    progress.readRound",
    caughtBy: { script: "lost-append" },
  },
  {
    name: "a voter votes twice",
    file: "raft/core/election.js",
    find: "state.votedFor === from || (state.votedFor === 0 && state.leader === 0)",
    replace: "state.votedFor >= 0",
    caughtBy: seeds(120, 344),
  },
  {
    name: "a heartbeat commits more than the follower is known to have",
    file: "raft/core/reads.js",
    find: "const commit = Math.min(state.commit, match);",
    replace: "const commit = state.commit;",
    caughtBy: seeds(80),
  },
  {
    name: "a heartbeat commits what lies there, also what had been cut off before the log was damaged",
    file: "raft/core/follow.js",
    find: "log.termAt(commit) === commitTerm)",
    replace: "true)",
    caughtBy: { script: "repair-cut-off" },
  },
  {
    name: "the log on disk is cut at the first bad record, whatever follows",
    file: "raft/wal-recover.js",
    find: "if (!this.#isLaterBatch(segment, bytes, later))\n                continue;",
    replace: "if (later > 0)\n                continue;",
    caughtBy: seeds(120),
  },
  {
    name: "term and vote are written without being new",
    file: "raft/batch.js",
    find: "this.#hardState = item.hardState;",
    replace: "",
    caughtBy: seeds(120, 44),
  },
  {
    name: "what came in as a snapshot has no name yet when the log gives way to it",
    file: "raft/snapshot.js",
    find: "await disk.rename(incomingPath(id), pathOf(meta));\n            await disk.syncFolder(FOLDER);",
    replace: "await disk.rename(incomingPath(id), pathOf(meta));",
    caughtBy: seeds(120, 58),
  },
  {
    name: "after a snapshot the log on disk is thought to go on",
    file: "raft/wal-recover.js",
    find: "if (header.truncateFrom > 0)\n                this.#truncate(header.truncateFrom);\n            return;",
    replace: "return;",
    caughtBy: seeds(120, 68),
  },
  {
    name: "after a restart the entries of the snapshot are handed over again",
    file: "raft/wake.js",
    find: "entry.index > index)",
    replace: "entry.index >= index)",
    caughtBy: seeds(80),
  },
  {
    name: "a member with a damaged log votes",
    file: "raft/core/election.js",
    find: "if (state.isDamaged)\n        return false;",
    replace: "",
    caughtBy: { script: "repair" },
  },
  {
    name: "a joint configuration is never left",
    file: "raft/core/membership.js",
    find: "if (state.commit >= state.termStart)",
    replace: "if (state.commit < 0)",
    caughtBy: seeds(20),
  },
  {
    name: "the name of a snapshot is not made durable before the log lets go",
    file: "raft/snapshot.js",
    find: "throw error;\n    }\n    await disk.syncFolder(FOLDER);",
    replace: "throw error;\n    }",
    caughtBy: seeds(120, 48),
  },
  {
    name: "pieces of a snapshot are put together with gaps",
    file: "raft/snapshot-receiver.js",
    find: "current.offset += message.bytes.length;",
    replace: "current.offset += message.bytes.length + 1;",
    caughtBy: seeds(60, 8),
  },
];
