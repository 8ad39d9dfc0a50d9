import type { HostFiles } from "../../env/host.ts";
import { TransientError } from "../../util/errors.ts";
import { parseIpv4, type Ipv4 } from "../../util/ipv4.ts";
import { type AddressTable, allocate, emptyTable, hold, release } from "./addresses.ts";

/**
 * The node's pod addresses. The table on disk is the folder from which the CNI plugin reads: one
 * file a pod uid, with its address; `.last` tells where the round goes on. The agent knows a pod's
 * address before its sandbox is made.
 */
export interface Ipam {
  /** Reads the table; first call, once the node's range is known. */
  load(cidr: string): Promise<void>;
  /** The pod's address, the same until it is released. Throws `TransientError` when all are used. */
  allocate(podUid: string): Promise<string>;
  /** After the sandbox was removed. An unknown pod is no error. */
  release(podUid: string): Promise<void>;
  addressOf(podUid: string): string | undefined;
  /** At start: what the runtime runs holds its addresses, and nothing else does but `keep`. */
  reconcile(
    sandboxes: readonly { readonly podUid: string; readonly ip: string }[],
    keep: ReadonlySet<string>,
  ): Promise<void>;
}

export function createIpam(files: HostFiles, dataDirectory: string): Ipam {
  const folder = `${dataDirectory}/net`;
  let table: AddressTable | undefined;
  const current = (): AddressTable => {
    if (table === undefined) throw new TransientError("the node has no pod range yet");
    return table;
  };
  const drop = async (podUid: string): Promise<void> => {
    if (!current().byUid.has(podUid)) return;
    // First the file: what was forgotten in memory alone would be taken for held after a restart.
    await files.removeAll(`${folder}/${podUid}`);
    table = release(current(), podUid);
  };
  const take = async (podUid: string, address: string): Promise<void> => {
    table = hold(current(), podUid, address);
    await files.write(`${folder}/${podUid}`, `${address}\n`);
  };
  return {
    load: async (cidr) => {
      table = await readTable(files, folder, cidr);
    },
    allocate: async (podUid) => {
      const known = current().byUid.get(podUid);
      if (known !== undefined) return known;
      const given = allocate(current(), podUid);
      if (given === undefined) throw new TransientError("no address is left in the node's range");
      table = given.table;
      await files.write(`${folder}/.last`, `${given.address}\n`);
      await files.write(`${folder}/${podUid}`, `${given.address}\n`);
      return given.address;
    },
    release: drop,
    addressOf: (podUid) => table?.byUid.get(podUid),
    reconcile: async (sandboxes, keep) => {
      const running = new Map(sandboxes.map(({ podUid, ip }) => [podUid, ip]));
      for (const [podUid, ip] of running) {
        if (parseIpv4(ip) !== undefined && current().byUid.get(podUid) !== ip) await take(podUid, ip);
      }
      for (const podUid of current().byUid.keys()) {
        if (!running.has(podUid) && !keep.has(podUid)) await drop(podUid);
      }
    },
  };
}

async function readTable(files: HostFiles, folder: string, cidr: string): Promise<AddressTable> {
  await files.makeFolder(folder);
  let table = emptyTable(cidr);
  for (const name of await files.list(folder)) {
    const text = (await files.readText(`${folder}/${name}`)).trim();
    const address = parseIpv4(text);
    // Not synced: after a power cut a file may be empty. Its pod is gone as well then.
    if (address === undefined) continue;
    if (name === ".last") table = { ...table, last: address };
    else if (isWithin(table, address)) table = hold(table, name, text);
  }
  return table;
}

function isWithin({ range }: AddressTable, address: Ipv4): boolean {
  return address >= range.first && address <= range.last;
}
