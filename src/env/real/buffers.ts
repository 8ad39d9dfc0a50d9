/**
 * Node cuts small buffers from pieces of 8 KiB. A master makes several of a kilobyte or two for every request (the
 * answer, its message, its frame), so that a piece was used up by two or three of them, each with memory to ask for
 * and to give back (docs/decisions/0026). A piece lives as long as the last of its buffers; none of these is kept.
 */
const pieceBytes = 64 * 1_024;

/** For a process that serves many requests. */
export function widenBufferPieces(): void {
  Buffer.poolSize = pieceBytes;
}
