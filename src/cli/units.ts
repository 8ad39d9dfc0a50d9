/**
 * systemd units of a master and of an agent. Text only: `troupe install` writes it. A service manager
 * takes the place of the keeper that `up` starts; both at once would start everything twice.
 */

import { removedExitCode } from "./machines/leaving.ts";

export interface UnitWish {
  readonly role: "server" | "agent";
  readonly dataDir: string;
  /** The agent's node. */
  readonly node: string;
  /** Absolute paths: of Node.js, and of bin/troupe. */
  readonly nodePath: string;
  readonly troupePath: string;
  /** Further arguments of `troupe server` or `troupe agent`. */
  readonly more: readonly string[];
}

/** `troupe-server.service`, `troupe-agent-n1.service`. */
export function unitName({ role, node }: Pick<UnitWish, "role" | "node">): string {
  return role === "server" ? "troupe-server.service" : `troupe-agent-${node}.service`;
}

export function unitText(wish: UnitWish): string {
  return wish.role === "server" ? serverUnit(wish) : agentUnit(wish);
}

function serverUnit(wish: UnitWish): string {
  return sections({
    Unit: [
      "Description=Troupe master",
      "Wants=network-online.target",
      "After=network-online.target time-sync.target",
      // Tried again for ever: a cluster without its master helps nobody.
      "StartLimitIntervalSec=0",
    ],
    Service: [
      "Type=exec",
      `ExecStart=${commandLine(wish, ["--data-dir", wish.dataDir])}`,
      ...reload,
      "Restart=always",
      // A member that was removed stays so.
      `RestartPreventExitStatus=${removedExitCode}`,
      "RestartSec=1",
      "TimeoutStopSec=30",
      ...limits,
      "OOMScoreAdjust=-900",
      // It needs its folder and its sockets, and nothing else of the machine.
      "NoNewPrivileges=yes",
      "ProtectSystem=strict",
      `ReadWritePaths=${quoted(wish.dataDir)}`,
      "PrivateTmp=yes",
      "PrivateDevices=yes",
      "ProtectKernelModules=yes",
      "ProtectKernelTunables=yes",
      "ProtectControlGroups=yes",
      "RestrictSUIDSGID=yes",
      "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    ],
    Install: ["WantedBy=multi-user.target"],
  });
}

function agentUnit(wish: UnitWish): string {
  return sections({
    Unit: [
      `Description=Troupe agent of node ${wish.node}`,
      "Wants=network-online.target",
      "After=network-online.target time-sync.target troupe-server.service containerd.service",
      "StartLimitIntervalSec=0",
    ],
    Service: [
      "Type=exec",
      `ExecStart=${commandLine(wish, ["--data-dir", wish.dataDir, "--node", wish.node])}`,
      ...reload,
      // Only the agent: its containerd, its DNS and all containers outlive it.
      "KillMode=process",
      "Delegate=yes",
      "Restart=always",
      "RestartSec=1",
      "TimeoutStopSec=30",
      ...limits,
      "TasksMax=infinity",
      "OOMScoreAdjust=-999",
    ],
    Install: ["WantedBy=multi-user.target"],
  });
}

/** Certificates and sealing keys are read anew. */
const reload = ["ExecReload=/bin/kill -HUP $MAINPID"];
const limits = ["LimitNOFILE=1048576", "LimitNPROC=infinity", "UMask=0077"];

function sections(all: Readonly<Record<string, readonly string[]>>): string {
  const written = Object.entries(all).map(([name, lines]) => `[${name}]\n${lines.join("\n")}\n`);
  return `# Written by troupe install.\n${written.join("\n")}`;
}

function commandLine({ nodePath, troupePath, role, more }: UnitWish, own: readonly string[]): string {
  return [nodePath, troupePath, role, ...own, ...more].map(quoted).join(" ");
}

/** One word for systemd: `%` and `$` mean nothing in it, blanks and quotes do not end it. */
export function quoted(word: string): string {
  const plain = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[\w@%+=:,./$-]+$/.test(plain)) return plain;
  return `"${plain.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
