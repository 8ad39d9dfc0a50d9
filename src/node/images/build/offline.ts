import type { Crypto } from "../../../env/env.ts";
import type { Exec, HostFiles } from "../../../env/host.ts";
import type { TarItem } from "../tar.ts";
import { type Architecture, pauseProgram } from "./elf.ts";
import { buildImage } from "./oci.ts";

/**
 * The two images that a node makes itself, so that its first pods need no registry: `pause` from
 * machine code, `busybox` from the machine's static one.
 */

export const pauseImage = "localhost/troupe/pause:1";
export const busyboxImage = "localhost/troupe/busybox:1";

export interface OfflineSeams {
  readonly exec: Exec;
  readonly files: HostFiles;
  readonly crypto: Pick<Crypto, "sha256">;
}

export async function machineArchitecture(exec: Exec): Promise<Architecture> {
  const { stdout } = await exec.run("uname", ["-m"]);
  return stdout.trim() === "aarch64" ? "arm64" : "amd64";
}

export function pauseArchive(architecture: Architecture, crypto: Pick<Crypto, "sha256">): Uint8Array {
  return buildImage(
    {
      name: pauseImage,
      architecture,
      files: [{ kind: "file", name: "pause", mode: 0o755, content: pauseProgram(architecture) }],
      config: { Entrypoint: ["/pause"] },
    },
    crypto,
  );
}

const busyboxPath = "/bin/busybox";
const folders = ["bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var"];
const passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n";
const group = "root:x:0:\nnogroup:x:65534:\n";

/** `undefined`: this machine has no static busybox. */
export async function busyboxArchive(
  { exec, files, crypto }: OfflineSeams,
  architecture: Architecture,
): Promise<Uint8Array | undefined> {
  if ((await files.stat(busyboxPath))?.kind !== "file") return undefined;
  const program = await files.read(busyboxPath);
  // A dynamic one names its loader, and would not start in an empty root.
  if (new TextDecoder("latin1").decode(program.subarray(0, 4_096)).includes("/ld-linux")) {
    return undefined;
  }
  const { stdout } = await exec.run(busyboxPath, ["--list"]);
  const applets = stdout.split("\n").filter((name) => name !== "" && name !== "busybox");
  return buildImage(
    {
      name: busyboxImage,
      architecture,
      files: [
        ...folders.map((name): TarItem => ({ kind: "folder", name, mode: name === "tmp" ? 0o1777 : 0o755 })),
        { kind: "file", name: "bin/busybox", mode: 0o755, content: program },
        ...applets.map((name): TarItem => ({
          kind: "link",
          name: `bin/${name}`,
          target: "busybox",
        })),
        textFile("etc/passwd", passwd),
        textFile("etc/group", group),
      ],
      config: {
        Cmd: ["sh"],
        Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      },
    },
    crypto,
  );
}

function textFile(name: string, content: string): TarItem {
  return { kind: "file", name, mode: 0o644, content: new TextEncoder().encode(content) };
}
