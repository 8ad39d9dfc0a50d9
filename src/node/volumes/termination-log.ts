import { terminationLogTailLinesMax, terminationLogTailMaxBytes, terminationMessageMaxBytes } from "../pods/limits.ts";

/** The message of an ended container: its file, else (where asked) the end of its log. */
export function terminationText(file: Uint8Array, log: string | undefined): string {
  const own = new TextDecoder().decode(file.subarray(0, terminationMessageMaxBytes));
  if (own !== "" || log === undefined) return own;
  const lines = log
    .split("\n")
    .map(textOfLine)
    .filter((line) => line !== undefined);
  const text = lines.slice(-terminationLogTailLinesMax).join("");
  const bytes = new TextEncoder().encode(text);
  return new TextDecoder().decode(bytes.subarray(Math.max(0, bytes.length - terminationLogTailMaxBytes)));
}

/** A line of a CRI log: time, stream, `F` (whole) or `P` (part), text. */
function textOfLine(line: string): string | undefined {
  const match = /^\S+ (?:stdout|stderr) ([FP])\S* ?(.*)$/s.exec(line);
  if (match === null) return undefined;
  return match[1] === "P" ? match[2] : `${match[2]!}\n`;
}
