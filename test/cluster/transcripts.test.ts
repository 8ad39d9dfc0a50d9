// What stock kubectls of several versions send, replayed against the virtual cluster: a machine needs
// none of them. `TROUPE_REWRITE=1` writes down what is answered now; a change of what kubectl sends
// needs a new recording (`test/transcripts/record.ts`).
import test from "ava";
import { Replay } from "../transcripts/replay.ts";
import { readTranscript, versions, writeTranscript, type Step } from "../transcripts/transcript.ts";

const isRewriting = process.env["TROUPE_REWRITE"] === "1";

for (const version of versions) {
  const transcript = readTranscript(version);
  const rewritten: Step[] = [];
  let replay: Replay | undefined;

  for (const [at, step] of transcript.steps.entries()) {
    test.serial(`kubectl ${version}, ${at + 1}: ${step.command}`, async (t) => {
      replay ??= await Replay.start(version);
      const answers = await replay.play(step);
      if (isRewriting) {
        const exchanges = step.exchanges.map((exchange, number) => ({ ...exchange, answer: answers[number]! }));
        rewritten.push({ ...step, exchanges });
        t.pass();
        return;
      }
      t.deepEqual(
        answers,
        step.exchanges.map(({ answer }) => answer),
      );
    });
  }

  test.serial(`kubectl ${version}: the cluster ends in order`, async (t) => {
    await replay?.stop();
    if (isRewriting) writeTranscript({ ...transcript, steps: rewritten });
    t.true(transcript.steps.length > 80);
  });
}
