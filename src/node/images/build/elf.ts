import { concatBytes } from "../../../util/bytes.ts";

/**
 * The pause program, machine code written out: it holds a pod's namespaces, ends on SIGTERM and
 * SIGINT, and reaps orphans by ignoring SIGCHLD (it is pid 1 of a pod that shares its processes).
 *
 * One static executable: header (64 bytes), one segment (56), code. A node needs neither compiler
 * nor network for its first pod.
 */

export type Architecture = "amd64" | "arm64";

const headersSize = 64 + 56;
const loadAddress = 0x400000;
const entry = loadAddress + headersSize;

export function pauseProgram(architecture: Architecture): Uint8Array {
  return architecture === "amd64" ? elf(62, amd64Code()) : elf(183, arm64Code());
}

function elf(machine: number, code: Uint8Array): Uint8Array {
  const headers = new DataView(new ArrayBuffer(headersSize));
  const u16 = (offset: number, value: number): void => headers.setUint16(offset, value, true);
  const u32 = (offset: number, value: number): void => headers.setUint32(offset, value, true);
  const u64 = (offset: number, value: number): void => headers.setBigUint64(offset, BigInt(value), true);
  const size = headersSize + code.length;
  headers.setUint32(0, 0x7f454c46);
  // 64 bits, little-endian, version 1.
  headers.setUint32(4, 0x02010100);
  u16(16, 2);
  u16(18, machine);
  u32(20, 1);
  u64(24, entry);
  u64(32, 64);
  u16(52, 64);
  u16(54, 56);
  u16(56, 1);
  // The one segment: loaded, readable and executable, the whole file.
  u32(64, 1);
  u32(68, 5);
  u64(80, loadAddress);
  u64(88, loadAddress);
  u64(96, size);
  u64(104, size);
  u64(112, 0x1000);
  return concatBytes([new Uint8Array(headers.buffer), code]);
}

const sigChild = 17;
const sigTerm = 15;
const sigInt = 2;

/** `struct sigaction` of the kernel: handler, flags, restorer, mask. */
function sigaction(handler: number, flags: number, restorer: number): Uint8Array {
  const struct = new DataView(new ArrayBuffer(32));
  [handler, flags, restorer, 0].forEach((value, index) => struct.setBigUint64(index * 8, BigInt(value), true));
  return new Uint8Array(struct.buffer);
}

function amd64Code(): Uint8Array {
  const sizes = { call: 25, loop: 9, end: 9 };
  const exitLabel = entry + 3 * sizes.call + sizes.loop;
  const structs = exitLabel + sizes.end;
  /** rt_sigaction(signal, struct, NULL, 8). */
  const call = (signal: number, struct: number): readonly (readonly number[])[] => [
    [0xb8, ...u32le(13)],
    [0xbf, ...u32le(signal)],
    [0xbe, ...u32le(struct)],
    [0x31, 0xd2],
    [0x41, 0xba, ...u32le(8)],
    [0x0f, 0x05],
  ];
  const code = [
    ...call(sigChild, structs),
    ...call(sigTerm, structs + 32),
    ...call(sigInt, structs + 32),
    // loop: pause(); jmp loop
    [0xb8, ...u32le(34), 0x0f, 0x05, 0xeb, 0xf7],
    // exit(0)
    [0xb8, ...u32le(60), 0x31, 0xff, 0x0f, 0x05],
  ].flat();
  // SA_RESTORER: the kernel kills a process whose handler has none; ours never returns through it.
  const handler = sigaction(exitLabel, 0x04000000, exitLabel);
  return concatBytes([Uint8Array.from(code), sigaction(1, 0, 0), handler]);
}

function arm64Code(): Uint8Array {
  const callWords = 6;
  const loopWords = 7;
  const exitWords = 3;
  const exitLabel = entry + (3 * callWords + loopWords) * 4;
  const structsAt = (3 * callWords + loopWords + exitWords) * 4;
  /** adr: the address relative to the instruction, which stands `words` behind the start. */
  const adr = (register: number, target: number, words: number): number => {
    const distance = target - words * 4;
    return (0x10000000 | ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5) | register) >>> 0;
  };
  const mov = (register: number, value: number): number => (0xd2800000 | (value << 5) | register) >>> 0;
  const branchBack = (count: number): number => 0x18000000 - count;
  const svc = 0xd4000001;
  const call = (signal: number, struct: number, start: number): readonly number[] => [
    mov(0, signal),
    adr(1, struct, start + 1),
    mov(2, 0),
    mov(3, 8),
    mov(8, 134),
    svc,
  ];
  const words = [
    call(sigChild, structsAt, 0),
    call(sigTerm, structsAt + 32, callWords),
    call(sigInt, structsAt + 32, 2 * callWords),
    // loop: ppoll(NULL, 0, NULL, NULL); b loop. arm64 has no pause.
    [mov(0, 0), mov(1, 0), mov(2, 0), mov(3, 0), mov(8, 73), svc, branchBack(6)],
    [mov(0, 0), mov(8, 93), svc],
  ].flat();
  return concatBytes([Uint8Array.from(words.flatMap(u32le)), sigaction(1, 0, 0), sigaction(exitLabel, 0, 0)]);
}

function u32le(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
}
