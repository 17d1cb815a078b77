/** `barline import`. @module */
import { join } from "@std/path";
import { type Config, loadConfig } from "../config/load.ts";
import type { OptionName } from "../config/options.ts";
import { openForReading } from "../database/open.ts";
import { chooseSeries, countRows } from "../database/series_rows.ts";
import { openDirectoryPlace } from "../export/directory_place.ts";
import { MANIFEST, type Manifest, readManifest } from "../export/manifest.ts";
import { readText } from "../export/place.ts";
import { findUnnamed, verifyFiles } from "../export/verify.ts";
import { recordKinds } from "../records/mod.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { withDatabase } from "./database.ts";
import { run as ingest } from "./ingest.ts";
import { count } from "./loads_report.ts";

/** Most problems listed in an error. */
const LISTED = 5;

/** Loads an export: verifies its files, ingests them, and counts the rows of the database. */
export async function run(invocation: Invocation): Promise<number> {
  const { words: [directory, ...others], options, flags, configFile } = invocation;
  if (directory === undefined || others.length > 0) {
    throw new UsageError("Cannot import: give one directory of an export, as in barline import bars");
  }
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile, oneTenant: true });
  const { json } = config.settings;
  const manifest = await openManifest(directory);
  await verify(directory, manifest);
  const { kind, rows, files } = manifest;
  const facts = { kind, files: files.length, rows };
  const say = (text: string) => json ? undefined : console.log(text);
  say(`Verified ${count(files.length)} files with ${count(rows)} ${kind} records`);
  if (flags.has("verify")) {
    if (json) console.log(JSON.stringify({ ok: true, ...facts }));
    return EXIT.done;
  }
  for (const provider of new Set(files.map((file) => file.provider))) {
    const code = await load(invocation, directory, manifest, provider);
    if (code !== EXIT.done) return code;
  }
  const stored = await countStored(config, manifest);
  const ok = stored >= rows;
  if (json) console.log(JSON.stringify({ ok, ...facts, stored }));
  if (ok) say(`The database has ${count(stored)} ${kind} records of these series and times`);
  else {
    console.error(
      `Cannot import all: the database has ${count(stored)} records of these series and times, expected ${count(rows)}`,
    );
  }
  return ok ? EXIT.done : EXIT.failed;
}

async function openManifest(directory: string): Promise<Manifest> {
  const refuse = (why: string) => new UsageError(`Cannot import "${directory}": ${why}`);
  const text = await readText(openDirectoryPlace(directory), MANIFEST).catch((error) => {
    throw refuse((error as Error).message);
  });
  if (text === undefined) {
    throw refuse(
      `it has no ${MANIFEST}, expected a directory of barline export; other files are loaded by barline ingest --file`,
    );
  }
  const read = readManifest(text);
  if (!read.ok) throw refuse(`its ${MANIFEST} cannot be read: ${read.problem}`);
  if (Object.hasOwn(recordKinds, read.manifest.kind)) return read.manifest;
  throw refuse(`current kind is "${read.manifest.kind}", expected one of ${Object.keys(recordKinds).join(", ")}`);
}

/** @throws {Error} If a file differs from the manifest; lists the first problems. */
async function verify(directory: string, manifest: Manifest): Promise<void> {
  const problems = await verifyFiles(openDirectoryPlace(directory), manifest);
  for (const path of await findUnnamed(directory, manifest)) problems.push(`"${path}" is not in the manifest`);
  if (problems.length === 0) return;
  const more = problems.length > LISTED ? `; and ${count(problems.length - LISTED)} more` : "";
  throw new Error(`Cannot import "${directory}": ${problems.slice(0, LISTED).join("; ")}${more}`);
}

/** Ingests the files of a provider. */
async function load(
  invocation: Invocation,
  directory: string,
  { kind, files }: Manifest,
  provider: string,
): Promise<number> {
  const own = files.filter((file) => file.provider === provider);
  const paths = own.length === files.length ? [directory] : own.map(({ path }) => join(directory, path));
  const given: [OptionName, unknown][] = [["kind", [kind]], ["file", paths], ["fileProvider", provider], [
    "http",
    "off",
  ]];
  return await ingest({
    ...invocation,
    words: [],
    flags: new Map(),
    options: new Map([...invocation.options, ...given]),
  });
}

/** Counts the database's rows in the series and times of an export. */
async function countStored(config: Config, { kind, files, selection }: Manifest): Promise<number> {
  const { symbols, timeframes } = selection;
  return await withDatabase(config, async (client, names) => {
    let stored = 0;
    for (const [provider, own] of Map.groupBy(files, (file) => file.provider)) {
      const times = {
        first: new Date(Math.min(...own.map(({ first }) => Date.parse(first)))).toISOString(),
        // Times are stored to the microsecond, which JavaScript's are not.
        last: new Date(Math.max(...own.map(({ last }) => Date.parse(last))) + 1).toISOString(),
      };
      const choice = { tenant: config.settings.tenant, kind, providers: [provider] };
      const series = await chooseSeries(client, names, {
        ...choice,
        symbols: symbols ?? undefined,
        timeframes: timeframes ?? undefined,
      });
      for (const each of series) stored += await countRows(client, names, each, times);
    }
    return stored;
  }, openForReading);
}
