/** The process log: one JSON line an event on stderr, or one readable line where a person watches. */
import type { Log, LogLevel } from "../env.ts";

const order: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export function createRealLog(options: { readonly level: LogLevel; readonly readable: boolean }): Log {
  return (level, event, fields = {}) => {
    if (order[level] < order[options.level]) return;
    const time = new Date().toISOString();
    const plain = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, printable(value)]));
    const line = options.readable
      ? `${time.slice(11, 23)} ${level.padEnd(5)} ${event} ${Object.entries(plain)
          .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
          .join(" ")}`
      : JSON.stringify({ time, level, event, ...plain });
    process.stderr.write(`${line}\n`);
  };
}

function printable(value: unknown): unknown {
  if (value instanceof Error) return value.stack ?? value.message;
  if (typeof value === "bigint") return value.toString();
  return value;
}
