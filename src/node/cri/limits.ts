/** Bounds of the talk with the runtime. */

/** grpc-js' default of 4 MiB is too small for lists and ExecSync. */
export const messageBytesMax: number = 16 * 1024 * 1024;
/** What the kubelet gives a call; containerd starts processes in most of them. */
export const callTimeoutMs = 120_000;
/** Version, Status, lists: what has not answered by then does not answer. */
export const queryTimeoutMs = 20_000;
/** grpc-js would wait a second before its first reconnect. */
export const reconnectFirstMs = 50;
export const reconnectMaxMs = 1_000;
