import test from "ava";
import type { Exec, HostFiles } from "../../../../src/env/host.ts";
import { realClock } from "../../../../src/env/real/clock.ts";
import { removeCgroup } from "../../../../src/node/cgroups/cgroups.ts";

/** One pod's cgroup whose container is taken away by the runtime right after it was seen. */
function vanishing(): { readonly files: HostFiles; readonly removed: string[] } {
  const removed: string[] = [];
  const gone = Object.assign(new Error("ENOENT"), { code: "ENOENT" });
  const files = {
    stat: async (path: string) => (removed.includes(path) ? undefined : { kind: "folder" }),
    list: async (path: string) => {
      if (path.endsWith("/container")) throw gone;
      return ["container"];
    },
    readText: async () => "",
    removeFolder: async (path: string) => void removed.push(path),
  };
  return { files: files as unknown as HostFiles, removed };
}

test("a cgroup that the runtime removes while its pod's is removed is no error", async (t) => {
  const { files, removed } = vanishing();
  const exec = {} as Exec;
  await removeCgroup({ files, exec, clock: realClock }, { version: 2, mount: "/cg", controllers: [] }, "/pod");
  t.deepEqual(removed, ["/cg/pod"]);
});
