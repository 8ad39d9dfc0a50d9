/** Puts an image archive into a node's runtime. */
import { realClock } from "../env/real/clock.ts";
import { realCrypto } from "../env/real/crypto.ts";
import { realHost } from "../env/real/host.ts";
import { createRealLog } from "../env/real/log.ts";
import { socketPath } from "../node/containerd/containerd.ts";
import { createContainerdServices } from "../node/cri/containerd-services.ts";
import { importArchive } from "../node/images/import.ts";

/** `endpoint`: socket of a containerd that is not the node's own. Answers the names under which the images can be used. */
export async function loadImage(
  dataDirectory: string,
  file: string,
  endpoint: string = socketPath(dataDirectory),
): Promise<readonly string[]> {
  const { exec, files } = realHost();
  const log = createRealLog({ level: "warn", readable: true });
  const services = createContainerdServices({ socket: endpoint, clock: realClock });
  try {
    return await importArchive({ exec, files, crypto: realCrypto, log, services }, file);
  } finally {
    services.close();
  }
}
