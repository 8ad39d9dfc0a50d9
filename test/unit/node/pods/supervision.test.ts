import test from "ava";
import { createWorld, podOf } from "./world.ts";

/** Pod actors under their supervisor. */

test("a pod actor that meets a bug is started again from what the runtime says; others are untouched", async (t) => {
  let bugs = 0;
  const network = {
    async assign(uid: string) {
      if (uid !== "uid-bad" || bugs === 3) return "10.0.0.1";
      bugs += 1;
      throw new TypeError("undefined is not a function");
    },
    release: async () => {},
  };
  const world = await createWorld({ ports: { network } });
  world.put(podOf("bad"));
  world.put(podOf("good"));
  await world.clock.advance(150);
  const view = (name: string) => world.pods.list().find((pod) => pod.name === name)!;
  t.true(bugs < 3, "each start waits longer than the one before");
  t.true(view("bad").isDown);
  await world.clock.advance(10_000);
  t.like(view("bad"), { restarts: 3, stage: "running", isDown: false, lastError: "undefined is not a function" });
  t.like(view("good"), { restarts: 0, stage: "running", lastError: undefined });
  const running = (await world.cri.listContainers()).filter(({ state }) => state === "running");
  t.is(running.length, 2, "never two containers for one place");
  world.terminate("bad", 1);
  await world.clock.advance(5_000);
  t.is(world.pod("bad"), undefined);
});
