import { field, list, object, type ObjectSchema } from "../schema.ts";

export const execActionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ExecAction",
  "A command run in the container; exit status 0 is success.",
  {
    command: field(
      1,
      list("atomic", "string"),
      "Program and its arguments, run from the container's root without a shell.",
    ),
  },
);

export const httpHeaderSchema: ObjectSchema = object("io.k8s.api.core.v1.HTTPHeader", "A header of a request.", {
  name: field(1, "string", "Name of the header, such as X-Token; repeated names are all sent.", { required: true }),
  value: field(2, "string", "Content of the header.", { required: true }),
});

export const httpGetActionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.HTTPGetAction",
  "An HTTP GET request; status 200 to 399 is success.",
  {
    path: field(1, "string", "Path that is requested; default /."),
    port: field(2, "intOrString", "Port that is requested: 1 to 65535, or the name of one of the container's ports.", {
      required: true,
    }),
    host: field(3, "string", "Host to connect to; default the pod's address. To set a Host header use httpHeaders."),
    scheme: field(4, "string", "Scheme of the request: HTTP (the default) or HTTPS, whose certificate is not checked."),
    httpHeaders: field(5, list("atomic", httpHeaderSchema), "Headers sent with the request."),
  },
);

export const tcpSocketActionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.TCPSocketAction",
  "A TCP connection; success is that it opens.",
  {
    port: field(1, "intOrString", "Port to connect to: 1 to 65535, or the name of one of the container's ports.", {
      required: true,
    }),
    host: field(2, "string", "Host name or address to connect to; default the pod's address."),
  },
);

export const grpcActionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.GRPCAction",
  "A call of the gRPC health service; the answer SERVING is success.",
  {
    port: field(1, "int32", "Port of the gRPC server, 1 to 65535.", { required: true }),
    service: field(2, "string", "Service name to ask about; default empty, which asks about the whole server.", {
      presence: true,
    }),
  },
);

export const probeHandlerSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ProbeHandler",
  "How a container is checked; exactly one member is set.",
  {
    exec: field(1, execActionSchema, "Runs a command in the container."),
    httpGet: field(2, httpGetActionSchema, "Sends an HTTP GET request from the node."),
    tcpSocket: field(3, tcpSocketActionSchema, "Opens a TCP connection from the node."),
    grpc: field(4, grpcActionSchema, "Calls the standard health service of gRPC."),
  },
);

export const probeSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Probe",
  "A check that is repeated while the container runs.",
  {
    handler: field(1, probeHandlerSchema, "The check that is made.", { inline: true }),
    initialDelaySeconds: field(2, "int32", "Seconds from the container's start to the first check; default 0."),
    timeoutSeconds: field(3, "int32", "Seconds after which a check counts as failed; at least 1, default 1."),
    periodSeconds: field(4, "int32", "Seconds between checks; at least 1, default 10."),
    successThreshold: field(
      5,
      "int32",
      "Successes in a row that end a failure; at least 1 (the default), and 1 for liveness and startup.",
    ),
    failureThreshold: field(6, "int32", "Failures in a row that count as failure; at least 1, default 3."),
    terminationGracePeriodSeconds: field(
      7,
      "int64",
      "Seconds to stop after this probe failed, at least 1; absent means the pod's value. Not for readiness.",
      { presence: true },
    ),
  },
);

export const sleepActionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SleepAction",
  "A pause in a container's hook.",
  {
    seconds: field(1, "int64", "Length of the pause in seconds, at least 0.", { required: true }),
  },
);

export const lifecycleHandlerSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.LifecycleHandler",
  "What is done at a point of the container's life; exactly one member is set.",
  {
    exec: field(1, execActionSchema, "Command to run in the container."),
    httpGet: field(2, httpGetActionSchema, "HTTP GET request to send to the container."),
    tcpSocket: field(3, tcpSocketActionSchema, "Deprecated and without effect: it fails when the hook runs."),
    sleep: field(4, sleepActionSchema, "Pause before the container goes on."),
  },
);

export const lifecycleSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Lifecycle",
  "What is done after a container's start and before its end.",
  {
    postStart: field(
      1,
      lifecycleHandlerSchema,
      "Runs right after the start; a failure kills the container, and Running waits for its end.",
    ),
    preStop: field(
      2,
      lifecycleHandlerSchema,
      "Runs before the stop signal, within the grace period; not when the container ends by itself.",
    ),
    stopSignal: field(
      3,
      "string",
      "Signal that asks the container to stop, such as SIGUSR1; default the image's. Needs os.name.",
      { presence: true },
    ),
  },
);
