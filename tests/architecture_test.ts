import { assert, assertEquals } from "@std/assert";
import { functions, relations } from "../src/database/schema/description.ts";
import { rollups } from "../src/database/timescale/rollups.ts";
import { dirname, join, relative } from "@std/path";
import { ROOT, sourceFiles } from "./support/source.ts";

/** Parts of the source, lowest first: each imports only from itself and from layers before its own. */
const LAYERS: readonly (readonly string[])[] = [
  ["records", "version", "abort", "condition", "calendar", "open_files", "storage"],
  ["files"],
  ["events", "config", "coverage"],
  ["database", "nats", "dead_letters", "journal"],
  ["sinks"],
  ["pipeline"],
  ["providers"],
  ["gaps", "cluster", "export", "stream"],
  ["telemetry"],
  ["app"],
  ["http"],
  ["chaos"],
  ["cli"],
  ["main"],
];

/** What the pipeline may know of its neighbours: what they are, not how any of them does it. */
const INTERFACES = ["src/providers/provider.ts", "src/sinks/sink.ts"];

interface Import {
  readonly from: string;
  readonly to: string;
  /** Whether it leaves nothing behind in the running program, or only a worker, which is a program of its own. */
  readonly isType: boolean;
  /** Whether it is made while the program runs. */
  readonly isDynamic: boolean;
}

/** Imports and exports of other files of the program, also those made while it runs. */
async function importsOf(from: string): Promise<Import[]> {
  const text = await Deno.readTextFile(join(ROOT, from));
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;"']*?\sfrom\s*)?["'](\.[^"']*)["']/gm);
  const calls = text.matchAll(/(?:\bimport|(new URL))\(\s*["'](\.[^"']*)["']/g);
  const read = (found: Iterable<RegExpMatchArray>, isDynamic: boolean) =>
    Array.from(found, ([, type, path]) => ({
      from,
      to: relative(ROOT, join(ROOT, dirname(from), path)),
      isType: Boolean(type),
      isDynamic,
    }));
  return [...read(statements, false), ...read(calls, true)];
}

/** The part of the program that a file belongs to: its directory below `src`, or its name there. */
function partOf(path: string): string {
  const [first, second] = path.split("/");
  return (first === "src" ? second : first).replace(/\.ts$/, "");
}

const layerOf = (path: string) => LAYERS.findIndex((parts) => parts.includes(partOf(path)));

const files = ["main.ts", ...await sourceFiles()];
const imports = (await Promise.all(files.map(importsOf))).flat().filter(({ to }) => to.endsWith(".ts"));
const show = ({ from, to }: Import) => `${from} imports ${to}`;

Deno.test("imports are found in the source, and lead to existing files", () => {
  assert(imports.length > files.length);
  assertEquals(imports.filter(({ to }) => !files.includes(to)).map(show), []);
});

Deno.test("every part of the program has its layer", () => {
  assertEquals(files.filter((path) => layerOf(path) < 0), []);
});

Deno.test("imports go one way through the layers", () => {
  assertEquals(
    imports.filter(({ from, to }) => partOf(from) !== partOf(to) && layerOf(to) >= layerOf(from)).map(show),
    [],
  );
});

Deno.test("the pipeline imports no provider, sink or database, only their interfaces", () => {
  const strangers = imports.filter(({ from, to }) =>
    partOf(from) === "pipeline" && ["providers", "sinks", "database"].includes(partOf(to)) && !INTERFACES.includes(to)
  );
  assertEquals(strangers.map(show), []);
});

Deno.test("the pipeline runs on records and events alone, and knows all else by type", () => {
  const strangers = imports.filter(({ from, to, isType }) =>
    partOf(from) === "pipeline" && !isType &&
    !["pipeline", "records", "events", "abort", "condition"].includes(partOf(to))
  );
  assertEquals(strangers.map(show), []);
});

Deno.test("a sink and a provider are registered in one place, and no other file names them", () => {
  const registered = ["providers", "sinks"];
  const strangers = imports.filter(({ from, to }) =>
    registered.includes(partOf(to)) && partOf(from) !== partOf(to) && !to.endsWith("/mod.ts") &&
    !INTERFACES.includes(to)
  );
  // Letters are replayed by a command of their own, never by name.
  assertEquals(strangers.filter(({ to }) => to !== "src/providers/dead_letters.ts").map(show), []);
});

Deno.test("files do not import each other in circles, nor their types", () => {
  // A worker is a program of its own, which speaks the language of the one that starts it.
  const graph = Map.groupBy(imports.filter(({ isType, isDynamic }) => !(isType && isDynamic)), ({ from }) => from);
  const done = new Set<string>();
  function visit(path: string, trail: readonly string[]): void {
    assert(!trail.includes(path), [...trail.slice(trail.indexOf(path)), path].join(" → "));
    if (done.has(path)) return;
    for (const { to } of graph.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  }
  for (const path of files) visit(path, []);
});

Deno.test("a start loads the table of commands, and no package before the command needs it", async () => {
  // A health check runs every few seconds: what it loads, it loads each time.
  const light = ["main.ts", "src/cli/mod.ts", "src/cli/version.ts", "src/cli/doctor/ready.ts"];
  for (const path of light) {
    for (const { to, isDynamic, isType } of await importsOf(path)) {
      if (!isDynamic && !isType && !light.includes(to)) light.push(to);
    }
  }
  assert(light.includes("src/cli/commands/ingest.ts"));
  for (const path of light) {
    const text = await Deno.readTextFile(join(ROOT, path));
    const packages = Array.from(text.matchAll(/^import (?!type ).*?from "([^."][^"]*)";$/gm), ([, name]) => name);
    assertEquals(packages.filter((name) => !name.startsWith("@std/")), [], path);
  }
});

/** The relations that Barline makes in its schema. */
const OBJECTS = [
  ...relations.map(({ name }) => name),
  ...rollups.map(({ aggregate }) => aggregate),
  ...["no_trade", "cluster_frontier", "raised"],
];
/** What stands before the name of a relation in a statement. */
const BEFORE_NAMES = "FROM|JOIN|INTO|UPDATE|TABLE|ONLY|USING|VIEW|TRUNCATE|COPY|COLUMN|SEQUENCE|EXISTS|ON";

Deno.test("every statement names its tables with the schema, and none asks which schema is current", async () => {
  const unqualified = new RegExp(
    `\\b(?:${BEFORE_NAMES})\\s+"?(?:${OBJECTS.join("|")})\\b(?!["(])|'(?:${
      OBJECTS.join("|")
    })'::regclass|(?<![."\\w])(?:${functions.map(({ name }) => name).join("|")})\\(`,
    "g",
  );
  const found: string[] = [];
  for (const path of files) {
    const text = await Deno.readTextFile(join(ROOT, path));
    // Examples are what people type.
    const code = text.replace(/^ {2}examples: \[[\s\S]*?^ {2}\],$/gm, "").replace(
      /\/\*\*?[\s\S]*?\*\/|^\s*(?:\/\/|--).*$/gm,
      "",
    );
    const templates = Array.from(code.matchAll(/`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/g), ([literal]) => literal)
      .filter((literal) =>
        /\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|LOCK|TRUNCATE|GRANT|COPY|FROM)\b/.test(literal)
      );
    const hits = templates.flatMap((literal) => Array.from(literal.matchAll(unqualified), ([hit]) => hit));
    if (path !== "src/database/naming.ts") hits.push(...code.match(/current_schema\(/g) ?? []);
    found.push(...hits.map((hit) => `${path}: ${hit}`));
  }
  assertEquals(found, []);
});

Deno.test("no file is longer than 350 lines", async () => {
  for (const path of files) {
    const lines = (await Deno.readTextFile(join(ROOT, path))).split("\n").length - 1;
    assert(lines <= 350, `${path} has ${lines} lines`);
  }
});

Deno.test("no file is a drawer for unnamed things", () => {
  assertEquals(files.filter((path) => /(^|\/)(utils?|types|helpers|common|misc)(\.ts|\/)/.test(path)), []);
});
