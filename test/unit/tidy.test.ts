// The house rules as a test: which room may import which, where the world may be touched, how long
// a line may be. Each failure says `file:line: rule: what to do instead`.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import test from "ava";

const root = join(import.meta.dirname, "..", "..", "..");
const sources = join(root, "src");

/** Rooms in reading order, most specific path first where one lies in another. `types`: rooms of which only types may be imported. */
const rooms: readonly {
  readonly room: string;
  readonly may: readonly string[];
  readonly types?: readonly string[];
}[] = [
  { room: "util", may: [] },
  { room: "env/real", may: ["util", "env"] },
  { room: "env", may: ["util"] },
  { room: "raft/core", may: ["util"], types: ["store"] },
  { room: "raft", may: ["util", "raft/core"], types: ["env", "store"] },
  { room: "kinds", may: ["util"] },
  { room: "store", may: ["util", "kinds"], types: ["env"] },
  { room: "actors/runtime", may: ["util", "kinds", "store", "env"], types: ["raft"] },
  { room: "actors/objects", may: ["util", "kinds"], types: ["actors/runtime", "store"] },
  { room: "actors/controllers", may: ["util", "kinds", "actors/runtime"], types: ["store"] },
  { room: "actors/scheduler", may: ["util", "kinds", "actors/runtime"], types: ["store"] },
  { room: "auth", may: ["util", "kinds", "env"], types: ["actors/runtime", "store"] },
  { room: "api", may: ["util", "kinds", "auth", "env", "store"], types: ["actors/runtime"] },
  // A client is a program's edge: its public entry brings the real clock, files and message definitions.
  { room: "client", may: ["util", "kinds", "env", "env/real"], types: ["api", "actors/runtime"] },
  {
    room: "node",
    may: ["util", "kinds", "client", "env", "actors/runtime"],
    types: ["api", "store"],
  },
  {
    room: "server",
    may: [
      "util",
      "env",
      "env/real",
      "raft",
      "raft/core",
      "kinds",
      "store",
      "actors/runtime",
      "actors/objects",
      "actors/controllers",
      "actors/scheduler",
      "auth",
      "api",
      "client",
      "node",
    ],
  },
  {
    room: "sim",
    may: [
      "util",
      "env",
      "raft",
      "raft/core",
      "kinds",
      "store",
      "actors/runtime",
      "actors/objects",
      "actors/controllers",
      "actors/scheduler",
      "auth",
      "api",
      "client",
      "node",
      "server",
    ],
  },
  {
    room: "testing",
    may: [
      "util",
      "env",
      "env/real",
      "raft",
      "raft/core",
      "kinds",
      "store",
      "actors/runtime",
      "actors/objects",
      "actors/controllers",
      "actors/scheduler",
      "auth",
      "api",
      "client",
      "node",
      "server",
      "sim",
    ],
  },
  {
    room: "cli",
    may: ["util", "kinds", "client", "env", "env/real", "server", "auth"],
    types: ["actors/runtime", "api"],
  },
];

const packages: Readonly<Record<string, RegExp>> = {
  xstate: /^(actors|node)\//,
  execa: /^env\/real\/exec\.ts$/,
  "@grpc/grpc-js": /^(api|client|node|env\/real)\//,
  protobufjs: /^((api|client|node|env\/real)\/|env\/packages\.ts$)/,
  ws: /^(env\/real|client)\//,
  jose: /^auth\//,
  "@peculiar/x509": /^auth\//,
  "reflect-metadata": /^auth\//,
  yaml: /^((api|cli|client|testing)\/|env\/packages\.ts$)/,
};

/** Where `node:*` may be imported; everything else goes through `Env`. */
const worldly = /^(env\/real|cli)\/|^kinds\/generated\/main\.ts$/;

const banned: readonly {
  readonly pattern: RegExp;
  readonly where: RegExp;
  readonly instead: string;
}[] = [
  { pattern: /\bMath\.random\b/, where: /^(?!env\/real\/)/, instead: "draw from Env.random" },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/,
    where: /^(?!env\/real\/|cli\/)/,
    instead: "take the time from Env.clock or the entry",
  },
  { pattern: /@ts-(ignore|expect-error|nocheck)/, where: /./, instead: "mend the type" },
  { pattern: /\bas any\b|: any\b/, where: /./, instead: "write the type" },
  { pattern: /\b(TODO|FIXME|XXX)\b/, where: /./, instead: "do it or open an issue" },
  {
    pattern: /catch(\s*\(\w*\))?\s*\{\s*\}/,
    where: /./,
    instead: "handle the error or let it pass",
  },
];

function walk(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(sources, join(entry.parentPath, entry.name)))
    .toSorted();
}

function roomOf(file: string): (typeof rooms)[number] | undefined {
  return rooms.find(({ room }) => file.startsWith(`${room}/`));
}

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

function importsOf(text: string): Import[] {
  const found: Import[] = [];
  const pattern =
    /(?:^|\n)\s*(import|export)\s+(type\s+)?([^;'"]*?)\s*from\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;
  for (const match of text.matchAll(pattern)) {
    const line = text.slice(0, match.index + match[0].length).split("\n").length;
    const names = match[3] ?? "";
    const allTypes =
      names.startsWith("{") &&
      names.replace(/[{}\s]/g, "").split(",").length > 0 &&
      names
        .replace(/[{}]/g, "")
        .split(",")
        .every((name) => name.trim() === "" || name.trim().startsWith("type "));
    found.push({
      from: match[4] ?? match[5] ?? "",
      typeOnly: match[2] !== undefined || allTypes,
      line,
    });
  }
  return found;
}

function judgeImport(file: string, { from, typeOnly }: Import): string | undefined {
  const own = roomOf(file);
  if (own === undefined) return `no room: put the file into one of ${rooms.map(({ room }) => room).join(", ")}`;
  if (from.startsWith("node:")) return worldly.test(file) ? undefined : `imports ${from}: take it from Env`;
  if (!from.startsWith(".")) {
    const name = from.startsWith("@") ? from.split("/").slice(0, 2).join("/") : (from.split("/")[0] ?? from);
    const where = packages[name];
    if (where === undefined) return `imports package ${name}: add it to docs/decisions and to this table`;
    return where.test(file) ? undefined : `imports package ${name}: it belongs to ${where.source}`;
  }
  const target = normalize(join(dirname(file), from));
  const room = roomOf(target);
  if (room === undefined) return `imports ${target}: no such room`;
  if (room.room === own.room || own.may.includes(room.room)) return undefined;
  if (typeOnly && own.types?.includes(room.room)) return undefined;
  return `imports ${target}: ${own.room} may import ${[...own.may, ...(own.types ?? []).map((name) => `types of ${name}`)].join(", ") || "nothing"}`;
}

const files = walk(sources);

test("every import follows the arrows between the rooms", (t) => {
  const broken = files.flatMap((file) =>
    importsOf(readFileSync(join(sources, file), "utf8")).flatMap((found) => {
      const verdict = judgeImport(file, found);
      return verdict === undefined ? [] : [`src/${file}:${found.line}: ${verdict}`];
    }),
  );
  t.deepEqual(broken, []);
});

test("nothing outside the seam touches clock, chance or the compiler's conscience", (t) => {
  const broken = files.flatMap((file) =>
    readFileSync(join(sources, file), "utf8")
      .split("\n")
      .flatMap((line, index) =>
        banned.flatMap(({ pattern, where, instead }) =>
          where.test(file) && pattern.test(line) ? [`src/${file}:${index + 1}: ${pattern.source}: ${instead}`] : [],
        ),
      ),
  );
  t.deepEqual(broken, []);
});

test("a limit's name ends in its unit", (t) => {
  const unit =
    /(Ms|Seconds|Bytes|KiB|MiB|Max|Min|Count|Percent|PerSecond|Length|Depth|Revisions|Entries|Rows|Milli|Ratio|Factor|Slots|Ppm)$/;
  const broken = files
    .filter((file) => file.endsWith("/limits.ts"))
    .flatMap((file) =>
      readFileSync(join(sources, file), "utf8")
        .split("\n")
        .flatMap((line, index) => {
          const name =
            /^\s{2}(\w+):\s*[\d_]/.exec(line)?.[1] ?? /^export const (\w+)(?::\s*number)?\s*=\s*[\d_]/.exec(line)?.[1];
          return name === undefined || unit.test(name)
            ? []
            : [`src/${file}:${index + 1}: ${name}: end the name in its unit`];
        }),
    );
  t.deepEqual(broken, []);
});

test("a compiled file has its source: nothing stale is run", (t) => {
  const broken = ["src", "test", "bench"].flatMap((folder) => {
    const compiled = join(root, "dist", folder);
    if (!existsSync(compiled)) return [];
    return readdirSync(compiled, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".js"))
      .map((entry) => relative(compiled, join(entry.parentPath, entry.name)))
      .filter((file) => !existsSync(join(root, folder, file.replace(/\.js$/, ".ts"))))
      .map((file) => `dist/${folder}/${file}: its source is gone: run node bin/setup.js`);
  });
  t.deepEqual(broken, []);
});
