/** The gRPC port of a master: the native door, the node links, health and reflection on one server. */
import { createGrpcServer, type GrpcServer, type GrpcService } from "../api/grpc/server.ts";
import { apiService, healthService, reflectionService } from "../api/grpc/services.ts";
import type { LinkDoor } from "../api/link/door.ts";
import type { Env } from "../env/env.ts";
import { loadProtoService } from "../env/real/proto.ts";
import { createTlsPort } from "../env/real/tls-port.ts";
import type { Core } from "./core.ts";

export interface NativeServerOptions {
  readonly env: Env;
  readonly core: Core;
  /** Absent: nodes do not come in here. */
  readonly links?: LinkDoor;
  readonly tls: {
    readonly certificate: string;
    readonly key: string;
    readonly clientAuthority: string;
    readonly nodeAuthority: string;
  };
  /** There is a leader, so that writes and fresh reads are answered. */
  readonly isReady: () => boolean;
  /** Put around the native door's handlers. */
  readonly wrap?: (service: GrpcService) => GrpcService;
}

const healthEveryMs = 1_000;

export function createNativeServer(options: NativeServerOptions): GrpcServer {
  const { env, core, links, tls, wrap = (service: GrpcService) => service } = options;
  const api = loadProtoService("api.proto", "troupe.v1.Api");
  const health = loadProtoService("grpc/health.proto", "grpc.health.v1.Health");
  const reflections = ["v1", "v1alpha"].map((version) =>
    loadProtoService(`grpc/reflection-${version}.proto`, `grpc.reflection.${version}.ServerReflection`),
  );
  const served = [api, health, ...reflections];
  const every = (run: () => void): (() => void) => {
    let timer = env.clock.after(healthEveryMs, again, { daemon: true });
    function again(): void {
      run();
      timer = env.clock.after(healthEveryMs, again, { daemon: true });
    }
    return () => timer.cancel();
  };
  return createGrpcServer({
    clock: env.clock,
    services: [
      wrap(apiService(api, core.door)),
      ...(links === undefined ? [] : [links]),
      healthService(health, { names: [api.name], isReady: options.isReady, every }),
      ...reflections.map((file) => reflectionService(file, served)),
    ],
    openPort: (serve) => {
      const { certificate, key, clientAuthority, nodeAuthority } = tls;
      return createTlsPort({ certificate, key, clientAuthorities: [clientAuthority, nodeAuthority] }, serve);
    },
  });
}
