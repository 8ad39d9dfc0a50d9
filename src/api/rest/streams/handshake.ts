import { badRequest } from "../../../kinds/status-errors.ts";
import { refusal } from "../../refusals.ts";
import type { Call } from "../call.ts";
import { respondStatus } from "../respond.ts";

/** By which protocol a client wants its connection to go on. Throws 400 where it asks for none. */
export function transportOf(call: Call): "websocket" | "spdy" {
  const { exchange } = call;
  const upgrade = (exchange.headers["upgrade"] ?? "").toLowerCase();
  if (!exchange.isUpgrade) throw badRequest("Upgrade request required");
  if (upgrade === "" || upgrade === "websocket") return "websocket";
  if (upgrade.includes("spdy/3.1")) return "spdy";
  throw badRequest(`unable to upgrade: ${JSON.stringify(upgrade)} is not known, SPDY/3.1 and websocket are`);
}

const versionHeader = "x-stream-protocol-version";

/** The WebSocket sub-protocol that this server likes best of those offered; empty where none is. Throws 400. */
export function webSocketProtocol(call: Call, known: readonly string[]): string {
  const offered = listOf(call.exchange.headers["sec-websocket-protocol"]);
  if (offered.length === 0 && known.includes("")) return "";
  const chosen = known.find((name) => offered.includes(name));
  if (chosen !== undefined) return chosen;
  const supported = known.filter((name) => name !== "").join(" ");
  throw refusal(
    400,
    "BadRequest",
    `unable to upgrade: requested protocol(s) are not supported: [${offered.join(" ")}]; supports [${supported}]`,
  );
}

/**
 * The stream protocol of a SPDY client: the first of its list that is known. Undefined: it has been
 * refused, with what this server knows in a header. Throws 400 where it names none.
 */
export function spdyProtocol(call: Call, known: readonly string[]): string | undefined {
  const { exchange } = call;
  const offered = listOf(exchange.headers[versionHeader]);
  if (offered.length === 0) throw badRequest("unable to upgrade: X-Stream-Protocol-Version is required");
  const chosen = offered.find((name) => known.includes(name));
  if (chosen !== undefined) return chosen;
  const why = `client supports [${offered.join(" ")}], server accepts [${known.join(" ")}]`;
  const { status } = refusal(403, "Forbidden", `unable to upgrade: unable to negotiate protocol: ${why}`);
  respondStatus(exchange, status, { "x-accepted-stream-protocol-versions": known });
  return undefined;
}

export function spdyHeaders(protocol: string): Readonly<Record<string, string>> {
  return { upgrade: "SPDY/3.1", [versionHeader]: protocol };
}

function listOf(header: string | undefined): readonly string[] {
  return (header ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
