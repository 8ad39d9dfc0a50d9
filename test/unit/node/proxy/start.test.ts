import test from "ava";
import { noFaults } from "../../../../src/env/faults.ts";
import type { Exec } from "../../../../src/env/host.ts";
import { startProxy } from "../../../../src/node/proxy/proxy.ts";
import { parseIpv4Cidr, parseIpv4 } from "../../../../src/util/ipv4.ts";
import { FakeDesired } from "../../../live/support/fake-desired.ts";

test("a proxy that starts on a full state loads Services with their endpoints at once, never as rejected", async (t) => {
  const desired = new FakeDesired();
  const metadata = { name: "web", namespace: "shop", uid: "u", resourceVersion: "1" };
  const ports = [{ name: "p", protocol: "TCP", port: 80 }];
  desired.put("services", { metadata, spec: { type: "ClusterIP", clusterIP: "10.96.0.1", ports } });
  desired.put("endpointslices.discovery.k8s.io", {
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports,
    endpoints: [{ addresses: ["10.42.0.7"], conditions: { ready: true } }],
  });
  const loaded: string[] = [];
  const exec = {
    run: async (_file: string, _args: readonly string[], options?: { readonly input?: string }) => {
      loaded.push(options?.input ?? "");
      return { exitCode: 0, stdout: "", stderr: "" };
    },
  } as unknown as Exec;
  const never = { cancel: () => undefined };
  await new Promise<void>((resolve, reject) => {
    startProxy({
      exec,
      clock: { wall: () => 0, mono: () => 0, after: () => never },
      log: () => undefined,
      faults: noFaults,
      desired,
      node: "n1",
      settings: {
        table: "t",
        podCidr: parseIpv4Cidr("10.42.0.0/24")!,
        serviceCidr: parseIpv4Cidr("10.96.0.0/16")!,
        nodeAddresses: [parseIpv4("192.0.2.1")!],
        dnsAddresses: [],
        podLinkPrefix: "tr",
      },
      onProgrammed: () => resolve(),
      failed: reject,
    });
  });
  t.is(loaded.length, 1);
  t.regex(loaded[0]!, /add element ip t ep \{[^}]*10\.42\.0\.7/);
  t.notRegex(loaded[0]!, /add element ip t rej/);
});
