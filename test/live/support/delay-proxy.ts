/**
 * Carries connections to other members, each piece of them so much later. A process of its own inside a machine's
 * namespace, whose packet filter sends here what is for them; says `ready`, and `carried` for each connection. Its own
 * connections leave from ports that the filter knows.
 *
 * usage: node delay-proxy.js DELAY_MS FIRST_OWN_PORT HOST:PORT=LOCAL_PORT...
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

const [delayMs = "0", firstPort = "0", ...routes] = process.argv.slice(2);
let ownPort = Number(firstPort);

function carry(from: Socket, to: Socket): void {
  const later = (run: () => void): void => void setTimeout(run, Number(delayMs));
  from.on("data", (bytes: Buffer) => later(() => to.write(bytes)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => later(() => to.destroy()));
}

const listening = routes.map((route) => {
  const [target = "", port = ""] = route.split("=");
  const [host = "", targetPort = ""] = target.split(":");
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (outer) => {
    ownPort += 1;
    const localPort = ownPort;
    const inner = connect({ host, port: Number(targetPort), localPort, allowHalfOpen: true, noDelay: true });
    carry(outer, inner);
    carry(inner, outer);
    process.stdout.write("carried\n");
  });
  return once(server.listen(Number(port), "127.0.0.1"), "listening");
});
await Promise.all(listening);
process.stdout.write("ready\n");
