import * as grpc from "@grpc/grpc-js";
import type { Clock } from "../../env/env.ts";
import type { GrpcHealth } from "./prober.ts";

/**
 * One unary call of the standard health service. Its two messages have one field each, so they are
 * written and read by hand: request `service = 1` (string), response `status = 1` (enum).
 */
export function createGrpcHealth(clock: Clock): GrpcHealth {
  return async (host, port, service, timeoutMs) => {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const client = new grpc.Client(address, grpc.credentials.createInsecure());
    try {
      return await new Promise<number>((resolve, reject) => {
        const options = { deadline: clock.wall() + timeoutMs };
        client.makeUnaryRequest(
          "/grpc.health.v1.Health/Check",
          encodeRequest,
          decodeStatus,
          service,
          new grpc.Metadata(),
          options,
          (error, status) => {
            if (error === null) resolve(status ?? 0);
            else reject(error);
          },
        );
      });
    } finally {
      client.close();
    }
  };
}

function encodeRequest(service: string): Buffer {
  const text = Buffer.from(service, "utf8");
  if (text.length === 0) return Buffer.alloc(0);
  const length: number[] = [];
  for (let rest = text.length; ; rest >>>= 7) {
    if (rest < 0x80) {
      length.push(rest);
      break;
    }
    length.push((rest & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), text]);
}

/** All states are below 128: one byte behind the tag. */
function decodeStatus(bytes: Buffer): number {
  return bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0;
}
