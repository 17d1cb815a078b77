/**
 * The contracts of Barline: flags, variables, metrics, JSON fields, tables and files, as `tests/fixtures/contracts.json`
 * lists them. Writes that list anew:
 *
 *     deno run -A tests/support/contracts.ts
 *
 * @module
 */
import { join } from "@std/path";
import { commands } from "../../src/cli/commands/mod.ts";
import { optionsOf } from "../../src/cli/command.ts";
import { flagSpecs, optionSpecs } from "../../src/config/options.ts";
import { functions, relations } from "../../src/database/schema/description.ts";
import { bar } from "./alpaca.ts";
import { startFakeAlpaca } from "./fake_alpaca.ts";
import { startFakeMassive } from "./fake_massive.ts";
import { readBelow } from "./pages.ts";
import { startPostgres, type TestServer } from "./postgres.ts";
import { addressOf, type Running } from "./process.ts";
import { readMetrics } from "./registries.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

/** Names that others depend on, by the sort of contract; each list is sorted. */
export type Contracts = Readonly<Record<string, readonly string[]>>;

/** The kept list. */
export const KEPT = new URL("../fixtures/contracts.json", import.meta.url);

/** Reads the contracts that the code itself declares. */
export async function readDeclared(): Promise<Contracts> {
  return {
    options: optionSpecs.map(({ name, flag, value, type, variables, default: standard }) =>
      [name, `--${flag}${value === undefined ? "" : ` ${value}`}`, type, ...variables, JSON.stringify(standard)].join(
        " ",
      )
    ).sort(),
    commands: Object.entries(commands).flatMap(([name, command]) => [
      name,
      ...Object.keys(command.subcommands ?? {}).map((word) => `${name} ${word}`),
      ...optionsOf(command, flagSpecs).map(({ flag }) => `${name} --${flag}`),
      ...(command.flags ?? []).map(({ name: flag, value }) => `${name} --${flag}${value ? ` ${value}` : ""}`),
    ]).sort(),
    variables: await readVariables(),
    metrics: (await readMetrics()).map(({ name, type, labels }) => `${name} ${type} {${labels.join(",")}}`).sort(),
    tables: [
      ...relations.flatMap(({ name, kind, columns, keys }) => [
        ...columns.map((column) =>
          `${kind} ${name}.${column.name} ${column.type}${column.required ? " required" : ""}`
        ),
        ...keys.map((key) => `${kind} ${name} key ${key.join(", ")}`),
      ]),
      ...functions.map(({ name }) => `function ${name}`),
    ].sort(),
  };
}

/** Environment variables by the names that the source has as text. */
async function readVariables(): Promise<string[]> {
  const found = new Set<string>();
  for (const text of (await readBelow("src", ".ts")).values()) {
    for (const [, name] of text.matchAll(/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PG[A-Z]+|EDITOR|VISUAL)"/g)) found.add(name);
  }
  return [...found].sort();
}

/** The paths of all fields of a value, each with the type of what is there. */
function fieldsOf(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return [`${path} list`, ...value.flatMap((item) => fieldsOf(item, `${path}[]`))];
  if (value === null || typeof value !== "object") return [`${path} ${value === null ? "null" : typeof value}`];
  return Object.entries(value).flatMap(([name, field]) => fieldsOf(field, `${path}.${name}`));
}

/** Runs one instance and the commands around it, and gives the fields of their JSON and the files that they leave. */
export async function readAnswered(server: TestServer): Promise<Contracts> {
  const fields = new Set<string>();
  const note = (name: string, value: unknown) => {
    for (const field of fieldsOf(value, name)) fields.add(field);
  };
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  await using massive = startFakeMassive();
  const token = "a-token-of-the-tests";
  const env = { ...alpaca.variables, ...massive.variables, BARLINE_HTTP_TOKEN: token, BARLINE_DATA_DIR: work.dataDir };
  const running = work.startIngest(
    [
      ...["--provider", "alpaca", "--provider", "massive", "--symbols", "AAPL", "--quorum", "alpaca,massive"],
      ...["--journal", "durable", "--http", "127.0.0.1:0", "--instance", "one", "--shards", "1", "--shard", "0"],
    ],
    { env },
  );
  const address = await addressOf(running);
  const [one, other] = await Promise.all([alpaca.connection(), massive.connection()]);
  one.bars(bar(0), bar(1), { ...bar(2), high: 1 });
  other.bars(bar(0), { ...bar(1), high: 250 });
  while (await work.count() < 4 || (await work.letters()).length < 1) await new Promise((go) => setTimeout(go, 20));
  await readPages(address, token, note);
  await readCommands(work, env, note);
  await stop(running, note);
  const local: readonly string[][] = [
    ...[["dlq", "list"], ["dlq", "show"], ["dlq", "replay", "--dry-run"]],
    ...[["journal", "inspect"], ["journal", "verify"], ["journal", "repair"]],
  ];
  for (const args of local) {
    const json = args[1] === "show" ? [] : ["--json"];
    const { stdout } = await work.run([...args, ...json, "--data-dir", work.dataDir], { env });
    note(args.join(" "), JSON.parse(stdout.trim().split("\n").at(-1)!));
  }
  return { json: [...fields].sort(), files: (await filesOf(work.dataDir)).sort() };
}

type Note = (name: string, value: unknown) => void;

async function readPages(address: string, token: string, note: Note): Promise<void> {
  const ask = async (path: string, body?: unknown) => {
    const response = await fetch(`${address}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 503) throw new Error(`${path} answers ${response.status}: ${text}`);
    return JSON.parse(text);
  };
  // An instance tells of its commits with its next sign of life.
  const tells = async () => (await ask("/api/overview")).cluster?.instances[0]?.lagMs !== undefined;
  while (!await tells()) await new Promise((go) => setTimeout(go, 50));
  const pages = [
    "/healthz",
    "/readyz",
    "/health",
    "/quorum",
    "/api/overview",
    "/api/stored",
    "/api/symbols",
    "/api/dead-letters",
  ];
  const bars = "/api/bars?provider=alpaca&symbol=AAPL&timeframe=1m";
  for (const path of [...pages, bars, "/api/dead-letters/letters"]) note(`GET ${path.split("?")[0]}`, await ask(path));
  const samples = async () => (await ask("/api/samples")).samples as unknown[];
  while ((await samples()).length === 0) await new Promise((go) => setTimeout(go, 50));
  note("GET /api/samples", { samples: await samples() });
  note("POST /-/circuit/probe", await ask("/-/circuit/probe", {}));
  note("POST /-/providers/pause", await ask("/-/providers/pause", { provider: "alpaca" }));
  note("POST /-/providers/resume", await ask("/-/providers/resume", { provider: "alpaca" }));
  note("POST /-/reload", await ask("/-/reload", {}));
}

async function readCommands(work: Workspace, env: Record<string, string>, note: Note): Promise<void> {
  const database = ["--database", work.database, "--json"];
  const commands = [["doctor"], ["gaps", "--explain"], ["cluster", "status"], ["tenant", "list"]];
  await Promise.all(commands.map(async (args) => {
    const { stdout, stderr } = await work.run([...args, ...database], { env });
    if (stdout === "") throw new Error(`barline ${args.join(" ")} prints nothing: ${stderr}`);
    note(args.join(" "), JSON.parse(stdout));
  }));
}

async function stop(running: Running, note: Note): Promise<void> {
  running.kill("SIGTERM");
  note("ingest --json", (await running.ended).json);
}

/** Names of all files, below the directory; digits are equal. */
async function filesOf(directory: string, below = ""): Promise<string[]> {
  const found = new Set<string>();
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${below}${name.replaceAll(/\d+/g, "0")}`;
    if (isDirectory) { for (const each of await filesOf(join(directory, name), `${path}/`)) found.add(each); }
    else found.add(path);
  }
  return [...found];
}

if (import.meta.main) {
  await using server = await startPostgres();
  const contracts = { ...await readDeclared(), ...await readAnswered(server) };
  await Deno.writeTextFile(KEPT, `${JSON.stringify(contracts, null, 2)}\n`);
}
