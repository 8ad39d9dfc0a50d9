/**
 * A unified difference of two texts, for messages that say what may not change. Small inputs: the
 * longest common subsequence is found by a table, after equal ends are cut off.
 */

const contextLines = 3;
/** Beyond this the table would be too large; the whole middle counts as changed. */
const tableCellsMax = 1_000_000;

interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Lines with ` `, `-` or `+`; runs of equal lines are left out but for three around each change. */
export function unifiedDiff(before: string, after: string): string {
  const lines = compare(before.split("\n"), after.split("\n"));
  const shown = lines.map((_, index) =>
    lines.slice(Math.max(0, index - contextLines), index + contextLines + 1).some((line) => line.sign !== " "),
  );
  const out: string[] = [];
  let [left, right] = [1, 1];
  for (const [index, line] of lines.entries()) {
    if (shown[index] === true) {
      if (shown[index - 1] !== true) out.push(hunkHeader(lines, shown, index, [left, right]));
      out.push(`${line.sign}${line.text}`);
    }
    if (line.sign !== "+") left += 1;
    if (line.sign !== "-") right += 1;
  }
  return out.join("\n");
}

function hunkHeader(
  lines: readonly Line[],
  shown: readonly boolean[],
  from: number,
  starts: readonly [number, number],
): string {
  let [left, right] = [0, 0];
  for (let index = from; shown[index] === true; index += 1) {
    if (lines[index]?.sign !== "+") left += 1;
    if (lines[index]?.sign !== "-") right += 1;
  }
  return `@@ -${starts[0]},${left} +${starts[1]},${right} @@`;
}

function compare(a: readonly string[], b: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) {
    end += 1;
  }
  const same = (text: string): Line => ({ sign: " ", text });
  return [
    ...a.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
}

function middle(a: readonly string[], b: readonly string[]): readonly Line[] {
  const removed = a.map((text): Line => ({ sign: "-", text }));
  const added = b.map((text): Line => ({ sign: "+", text }));
  const width = b.length + 1;
  if (a.length === 0 || b.length === 0 || (a.length + 1) * width > tableCellsMax) {
    return [...removed, ...added];
  }
  const table = new Uint32Array((a.length + 1) * width);
  const at = (row: number, column: number): number => table[row * width + column] ?? 0;
  for (let row = a.length - 1; row >= 0; row -= 1) {
    for (let column = b.length - 1; column >= 0; column -= 1) {
      table[row * width + column] =
        a[row] === b[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: Line[] = [];
  let [row, column] = [0, 0];
  while (row < a.length && column < b.length) {
    if (a[row] === b[column]) {
      lines.push({ sign: " ", text: a[row] ?? "" });
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) {
      lines.push({ sign: "-", text: a[row] ?? "" });
      row += 1;
    } else {
      lines.push({ sign: "+", text: b[column] ?? "" });
      column += 1;
    }
  }
  return [...lines, ...removed.slice(row), ...added.slice(column)];
}
