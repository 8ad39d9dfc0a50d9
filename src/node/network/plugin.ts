/**
 * The node's CNI plugin as text: one POSIX shell script, installed as `troupe` and `loopback`.
 *
 * A pod gets a veth and a host route to its one address; its gateway is a link-local address on the
 * node's side, the same for all. The address was chosen by the agent and lies in a file named by
 * the pod's uid. `route add` (not replace): an address that an unremoved sandbox still holds fails
 * the ADD instead of stealing its traffic.
 */

const gatewayAddress = "169.254.1.1";

/** A veth's name on the node's side. */
export function podLink(sandboxId: string): string {
  return `tr${sandboxId.slice(0, 12)}`;
}

export interface PluginOptions {
  readonly dataDirectory: string;
  readonly mtu: number;
}

export function pluginScript({ dataDirectory, mtu }: PluginOptions): string {
  return script.replaceAll("@ADDRESSES@", shellQuoted(`${dataDirectory}/net`)).replaceAll("@MTU@", String(mtu));
}

export function conflist(): string {
  return `${JSON.stringify({
    cniVersion: "0.4.0",
    name: "troupe",
    plugins: [{ type: "troupe" }],
  })}\n`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const script = `#!/bin/sh
# Troupe's CNI plugin, written at each start of the agent.
set -u
addresses=@ADDRESSES@
mtu=@MTU@

# The configuration is one line of JSON; the answer must have its version.
read -r conf
version=\${conf#*'"cniVersion":"'}
version=\${version%%'"'*}
case $version in [0-9]*.[0-9]*.[0-9]*) ;; *) version=0.4.0 ;; esac

fail() {
  printf '{"cniVersion":"%s","code":%d,"msg":"%s"}\\n' "$version" "$1" \\
    "$(printf %s "$2" | tr '\\n"\\\\\\t' '  / ')"
  exit 1
}

if [ "$CNI_COMMAND" = VERSION ]; then
  printf '{"cniVersion":"%s","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0"]}\\n' "$version"
  exit 0
fi

# containerd always asks for lo as well; "troupe" brings it up on its way.
if [ "\${0##*/}" = loopback ]; then
  [ "$CNI_COMMAND" = ADD ] && printf '{"cniVersion":"%s","interfaces":[{"name":"lo","sandbox":"%s"}],"ips":[{"version":"4","address":"127.0.0.1/8","interface":0}]}\\n' "$version" "$CNI_NETNS"
  exit 0
fi

link=tr$(printf %.12s "$CNI_CONTAINERID")

case $CNI_COMMAND in
ADD)
  uid=
  IFS=';'
  for pair in $CNI_ARGS; do
    case $pair in K8S_POD_UID=*) uid=\${pair#*=} ;; esac
  done
  unset IFS
  case $uid in '' | */* | .*) fail 100 "the call names no pod" ;; esac
  ip=
  [ -r "$addresses/$uid" ] && read -r ip <"$addresses/$uid"
  [ -n "$ip" ] || fail 101 "pod $uid has no address"

  said=$(ip -batch - 2>&1 <<END
link add $link mtu $mtu type veth peer name $CNI_IFNAME mtu $mtu netns $CNI_NETNS
addr add ${gatewayAddress}/32 dev $link
link set $link up
route add $ip/32 dev $link
END
  ) || { ip link del "$link" 2>/dev/null; fail 102 "$said"; }
  said=$(nsenter --net="$CNI_NETNS" ip -batch - 2>&1 <<END
link set lo up
addr add $ip/32 dev $CNI_IFNAME
link set $CNI_IFNAME up
route add ${gatewayAddress} dev $CNI_IFNAME scope link
route add default via ${gatewayAddress} dev $CNI_IFNAME
END
  ) || { ip link del "$link" 2>/dev/null; fail 103 "$said"; }
  printf '{"cniVersion":"%s","interfaces":[{"name":"%s","sandbox":"%s"}],"ips":[{"version":"4","address":"%s/32","interface":0,"gateway":"${gatewayAddress}"}]}\\n' "$version" "$CNI_IFNAME" "$CNI_NETNS" "$ip"
  ;;
DEL)
  ip link del "$link" 2>/dev/null
  exit 0
  ;;
esac
`;
