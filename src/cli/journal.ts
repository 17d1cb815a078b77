/** `barline journal`. @module */
import { relative } from "@std/path";
import { format as formatBytes } from "@std/fmt/bytes";
import { loadConfig } from "../config/load.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import { journalDirectory, listJournals, listSegments } from "../journal/format.ts";
import { holdJournal } from "../journal/hold.ts";
import { inspectSegment, type SegmentReport } from "../journal/inspect.ts";
import { countMissing, describeMissing, findMissing, type Missing, withoutTold } from "../journal/missing.ts";
import { readPointer } from "../journal/pointer.ts";
import { recover } from "../journal/recover.ts";
import type { Repair } from "../journal/repair.ts";
import type { ScannedEntry } from "../journal/scan.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation } from "./command.ts";
import { type Contents, createContents } from "./journal_contents.ts";
import { exportEntries } from "./journal_export.ts";
import type { JournalView, KindJournal } from "./journal_view.ts";

const actions: Readonly<Record<string, (view: JournalView) => Promise<number>>> = {
  inspect,
  verify,
  repair,
  export: exportEntries,
};

/** Inspects, verifies, repairs and exports the journal, while no process uses it. */
export async function run({ words, options, configFile }: Invocation): Promise<number> {
  const settings = loadConfig({ flags: options, env: Deno.env.get, file: configFile, oneTenant: true }).settings;
  const dataDir = tenantDirectory(settings);
  using held = new DisposableStack();
  const journals: KindJournal[] = [];
  for (const directory of (await listJournals(dataDir)).values()) {
    const segments = await listSegments(directory);
    // A missing journal is not created.
    if (segments.length > 0) held.use(await holdJournal(directory));
    journals.push({ directory, segments, next: await readPointer(directory) });
  }
  return await actions[words[0]]({ directory: journalDirectory(dataDir), journals, json: settings.json });
}

/** Reads all segments; `hear` is called with the unsettled entries. */
async function inspectAll(view: JournalView, hear?: (entry: ScannedEntry) => void): Promise<SegmentReport[]> {
  const reports: SegmentReport[] = [];
  for (const { segments, next } of view.journals) {
    for (const path of segments) reports.push(await inspectSegment(path, next, hear));
  }
  return reports;
}

/** Missing entries that neither a start nor a repair has reported. */
async function findUntold({ journals }: JournalView, reports: readonly SegmentReport[]): Promise<Missing[]> {
  const missing = await Promise.all(
    journals.map(({ directory, next, segments }) =>
      withoutTold(directory, findMissing(reports.filter(({ path }) => segments.includes(path)), next))
    ),
  );
  return missing.flat();
}

/** Name of a segment below the directory of all journals. */
const nameOf = ({ directory }: JournalView, path: string) => relative(directory, path);

async function inspect(view: JournalView): Promise<number> {
  const contents = createContents();
  const reports = await inspectAll(view, contents.add);
  const findings = reports.flatMap(({ findings }) => findings);
  const sum = (value: (report: SegmentReport) => number) => reports.reduce((total, each) => total + value(each), 0);
  const summary = {
    directory: view.directory,
    bytes: sum(({ size }) => size),
    frames: sum(({ entries }) => entries),
    records: sum(({ records }) => records),
    oldest: formatTime(reports.find(({ oldest }) => oldest !== undefined)?.oldest),
    newest: formatTime(reports.findLast(({ newest }) => newest !== undefined)?.newest),
    contents: contents.list(),
    segments: reports.map(({ path, size, entries, records, first, last, oldest, newest }) => ({
      name: nameOf(view, path),
      bytes: size,
      frames: entries,
      records,
      first,
      last,
      oldest: formatTime(oldest),
      newest: formatTime(newest),
    })),
    damaged: findings.length,
    missing: countMissing(await findUntold(view, reports)),
  };
  if (view.json) console.log(JSON.stringify(summary));
  else describe(summary, summary.contents);
  return EXIT.done;
}

function describe(
  { directory, bytes, frames, records, oldest, newest, segments, damaged, missing }: {
    directory: string;
    bytes: number;
    frames: number;
    records: number;
    oldest?: string;
    newest?: string;
    segments: readonly { name: string; bytes: number; frames: number; records: number }[];
    damaged: number;
    missing: number;
  },
  contents: readonly Contents[],
): void {
  const count = (value: number) => value.toLocaleString("en-US");
  const size = (value: number) => formatBytes(value, { binary: true });
  console.log(`${directory}: ${count(records)} records in ${count(frames)} frames, ${size(bytes)}`);
  if (oldest !== undefined) console.log(`written from ${oldest} to ${newest}`);
  for (const { provider, kind, records, rejected } of contents) {
    console.log(
      `${count(records).padStart(12)} ${printable(kind)} of ${printable(provider)}, ${count(rejected)} rejected`,
    );
  }
  for (const { name, bytes, frames, records } of segments) {
    console.log(`${name}  ${size(bytes).padStart(10)}  ${count(frames)} frames, ${count(records)} records`);
  }
  if (damaged > 0) console.log(`${damaged} places are damaged: see barline journal verify`);
  if (missing > 0) console.log(`${missing} frames are in no segment: see barline journal verify`);
}

async function verify(view: JournalView): Promise<number> {
  const reports = await inspectAll(view);
  const findings = reports.flatMap(({ findings }) => findings);
  const missing = await findUntold(view, reports);
  const found = findings.map(({ path, at, size, damage, isTail, entries }) => ({
    segment: nameOf(view, path),
    at,
    bytes: size,
    frames: entries,
    place: isTail ? "tail" : "middle",
    damage,
  }));
  const ok = found.length === 0 && missing.length === 0;
  if (view.json) {
    console.log(JSON.stringify({ ok, segments: reports.length, findings: found, missing: countMissing(missing) }));
  } else {
    for (const { segment, at, bytes, frames, place, damage } of found) {
      console.log(`${segment}: ${bytes} bytes at ${at} (${place}, ${frames} frames): ${damage}`);
    }
    for (const range of missing) console.log(describeMissing(range));
    if (ok) console.log(`${reports.length} segments are whole`);
  }
  return ok ? EXIT.done : EXIT.failed;
}

async function repair(view: JournalView): Promise<number> {
  const repairs: Repair[] = [];
  const missing: Missing[] = [];
  for (const { directory, segments, next } of view.journals) {
    if (segments.length === 0) continue;
    const found = await recover(directory, next, console.error);
    repairs.push(...found.repairs);
    missing.push(...found.missing);
  }
  if (view.json) {
    console.log(JSON.stringify({
      repairs: repairs.map(({ path, at, size, damage, entries, done }) => ({
        segment: nameOf(view, path),
        at,
        bytes: size,
        frames: entries,
        damage,
        done,
      })),
      missing: countMissing(missing),
    }));
  } else {
    for (const { path, at, size, damage, done } of repairs) {
      console.log(`${nameOf(view, path)}: ${size} bytes at ${at}, as ${damage}: ${done}`);
    }
    for (const range of missing) console.log(`${describeMissing(range)}: deleted, cut or set aside`);
    if (repairs.length === 0 && missing.length === 0) console.log("Nothing is damaged");
  }
  return EXIT.done;
}

function formatTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
