/** The proxy as a part of the agent's tree: one that fails in a way nobody expected is made anew, and loads the whole table. */
import type { ChildSpec } from "../../actors/runtime/supervisor.ts";
import { replaceable } from "../replaceable.ts";
import { startProxy, type Proxy, type ProxyOptions } from "./proxy.ts";

export interface SupervisedProxy {
  readonly child: ChildSpec;
  /** The proxy of this moment; undefined while it waits to be started again. */
  readonly current: Proxy | undefined;
}

export function proxyChild(path: string, options: Omit<ProxyOptions, "failed">): SupervisedProxy {
  const feed = replaceable(options.desired);
  let current: Proxy | undefined;
  return {
    get current() {
      return current;
    },
    child: {
      id: "proxy",
      path,
      start(exit) {
        feed.forget();
        let since = options.clock.wall();
        let state = "";
        const proxy = startProxy({
          ...options,
          desired: feed.desired,
          failed: (error) => {
            current = undefined;
            exit(error);
          },
        });
        current = proxy;
        return {
          stop() {
            current = undefined;
            proxy.stop();
          },
          views(restarts) {
            if (state !== "" && state !== proxy.state) since = options.clock.wall();
            state = proxy.state;
            const { lastError } = proxy;
            return [
              {
                path,
                machine: "proxy",
                version: 1,
                state,
                since,
                restarts,
                mailbox: 0,
                supervisor: path.slice(0, path.lastIndexOf("/")),
                status: state === "failed" ? "backoff" : "live",
                ...(lastError === undefined ? {} : { lastError }),
              },
            ];
          },
        };
      },
    },
  };
}
