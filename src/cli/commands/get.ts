/** Objects of a cluster, once or as they change. */
import type { KubeObject } from "../../kinds/kind.ts";
import { parseChoice } from "../arguments.ts";
import { outputOption } from "../cluster-options.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { callsOf, connectionOptions, parseNamed, spaceOf, withClient, type Named, type Session } from "../objects.ts";
import { print, say, table } from "../output.ts";
import { headerOf, isTable, outputs, rowOf, showObjects, type ShowOptions } from "../show.ts";

export const get: Command = {
  name: "get",
  summary: "Shows objects. Values of Secrets are shown as their lengths.",
  examples: ["troupe get pods -A", "troupe get deploy/hello -o yaml"],
  arguments: "KIND [NAME …] ",
  options: [
    ...connectionOptions,
    { name: "all-namespaces", type: "boolean", short: "A", help: "of all namespaces" },
    { name: "selector", type: "string", short: "l", value: "LABELS", help: "app=web,tier!=db" },
    outputOption("table (default), wide, json, yaml or name"),
    { name: "watch", type: "boolean", short: "w", help: "go on with every change" },
    { name: "show-secrets", type: "boolean", help: "print the values of Secrets" },
  ],
  run: (values, positionals) =>
    withClient(values, async (session) => {
      const wanted = parseNamed(get, positionals);
      for (const named of wanted) await show(session, named, values);
      return 0;
    }),
};

async function show(session: Session, named: Named, values: Values): Promise<void> {
  const { kind, names } = named;
  const isEverywhere = flag(values, "all-namespaces") && names.length === 0;
  const options: ShowOptions = {
    kind,
    output: parseChoice("output", text(values, "output") ?? "table", outputs),
    withNamespace: isEverywhere && kind.scope === "Namespaced",
    showSecrets: flag(values, "show-secrets"),
    now: Date.now(),
  };
  const labels = text(values, "selector") ?? "";
  const space = isEverywhere ? {} : spaceOf(kind, session.namespace);
  const calls = callsOf(session.client, kind);
  if (flag(values, "watch")) {
    const fields = names[0] === undefined ? "" : `metadata.name=${names[0]}`;
    return follow(calls.watch({ ...space, labels, fields }), options);
  }
  const objects =
    names.length > 0
      ? await Promise.all(names.map((name) => calls.get(name, space)))
      : (await calls.list({ ...space, labels })).items;
  if (objects.length === 0) {
    say(`no ${kind.plural} found${"namespace" in space ? ` in namespace ${session.namespace}` : ""}`);
    if (isTable(options.output) || options.output === "name") return;
  }
  print(showObjects(objects, options, names.length === 1));
}

async function follow(
  events: AsyncIterable<{ readonly type: string; readonly object?: KubeObject }>,
  options: ShowOptions,
): Promise<void> {
  let widths: readonly number[] | undefined;
  for await (const { object } of events) {
    if (object === undefined) continue;
    const now = { ...options, now: Date.now() };
    if (!isTable(options.output)) {
      print(showObjects([object], now, true));
      continue;
    }
    const row = rowOf(object, now);
    if (widths === undefined) {
      const [header = ""] = table(headerOf(options), [row]).split("\n");
      print(header);
      widths = headerOf(options).map((title, at) => Math.max(title.length, row[at]?.length ?? 0));
    }
    print(row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths?.[at] ?? 0))).join("   "));
  }
}
