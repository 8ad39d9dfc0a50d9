/**
 * What a session says, without what differs from run to run: names of the run, times, ages, uids, random
 * suffixes, addresses. Columns are told apart by two spaces, however wide their words are, and blank lines come one at a
 * time.
 */
const generated = "[bcdfghjklmnpqrstvwxz2456789]";

const words: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UID"],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, "TIME"],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}( [A-Z]+)?/g, "TIME"],
  [/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, "TIME"],
  [/(?<=\s|\()(?<!for )(\d+h)?(\d+m)?\d+s(?=\s|\)|$)/gm, "AGE"],
  [/(?<=\s|\()(\d+h)?\d+m(?= {2,}|\)|\s*$)/gm, "AGE"],
  [/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, "TOKEN"],
  [/(containerd:\/\/)[0-9a-f]{64}/g, "$1ID"],
  [/sha256:[0-9a-f]{64}/g, "sha256:DIGEST"],
  [new RegExp(`(?<=[a-z0-9])-${generated}{8,10}-${generated}{5}\\b`, "g"), "-HASH-RAND"],
  [new RegExp(`(?<=[a-z0-9])-${generated}{8,10}\\b`, "g"), "-HASH"],
  [new RegExp(`(pod-template-hash[=:] ?)${generated}{8,10}\\b`, "g"), "$1HASH"],
  [new RegExp(`(node-debugger-\\w+-|debugger-)${generated}{5}\\b`, "g"), "$1RAND"],
  [/\b10\.42\.\d+\.\d+\b/g, "POD-IP"],
  [/\b10\.43\.\d+\.\d+\b/g, "SERVICE-IP"],
  [/(resourceVersion: |ResourceVersion: *)"?\d+"?/g, "$1RV"],
  [/("resourceVersion": ?)"\d+"/g, '$1"RV"'],
  [/(127\.0\.0\.1|\[::1\]):\d{4,5}\b/g, "$1:PORT"],
  [/\b3[0-2]\d{3}\b/g, "NODEPORT"],
];

/** `own`: what stands for a word of this run, by that word. */
export function normalise(text: string, own: Readonly<Record<string, string>>): string {
  let said = text.replaceAll("\r\n", "\n");
  const longestFirst = Object.entries(own).toSorted(([a], [b]) => b.length - a.length);
  for (const [word, name] of longestFirst) said = said.replaceAll(new RegExp(`(?<!\\w)${word}(?!\\w)`, "g"), name);
  for (const [pattern, name] of words) said = said.replaceAll(pattern, name);
  return said
    .split("\n")
    .map((line) => line.replaceAll(/(?<=\S)(?: {2,}|\t+ *)(?=\S)/g, "  ").trimEnd())
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trimEnd();
}
