/**
 * Inspects a file: how it would be read, and the resulting bars. Nothing is stored.
 *
 * @module
 */
import { commandLine } from "../../files/command_line.ts";
import { type FileItem, nameOf, readRaw, STDIN } from "../../files/container/raw.ts";
import { type OpenedFile, openFile } from "../../files/open_file.ts";
import type { PlannedFile } from "../../files/plan_file.ts";
import type { Question, SampleLine, Source } from "../../files/plan.ts";
import type { Bar } from "../../records/bar.ts";
import type { Frame } from "../../records/frame.ts";
import { findDoubts } from "./doubts.ts";
import { createFramer, type Framer } from "./framer.ts";
import { readBlocks } from "./lines.ts";
import { planContext, type RowSettings, rowsOf } from "./rows.ts";

/** The findings. */
export interface Inspection {
  readonly file: string;
  /** Bytes on disk; absent for standard input. */
  readonly size?: number;
  readonly form?: string;
  /** Name of the format; `native` for Barline's own columns; absent if unknown. */
  readonly format?: string;
  readonly toldBy?: string;
  readonly delimiter?: string;
  readonly decimal?: string;
  readonly thousands?: string;
  /** Lines before the first row. */
  readonly headerLines?: number;
  /** Names of the header, each with the role of its column. */
  readonly columns?: readonly { readonly column: string; readonly role?: string }[];
  readonly symbol?: { readonly value?: string; readonly from: string };
  readonly timeframe?: { readonly value?: string; readonly from: string };
  readonly time?: { readonly unit?: string; readonly format?: string; readonly zone?: string; readonly stamp?: string };
  /** The first bars as they would be stored, and the last ones read. */
  readonly first?: readonly object[];
  readonly last?: readonly object[];
  readonly sampled?: { readonly rows: number; readonly accepted: number; readonly withoutPrices: number };
  /** Reasons for refused rows, each with a count and an example. */
  readonly refused?: readonly { readonly reason: string; readonly count: number; readonly line?: number }[];
  readonly warnings: readonly string[];
  readonly notes?: string;
  readonly questions?: readonly Question[];
  readonly line?: SampleLine;
  /** Why the file cannot be read at all. */
  readonly error?: string;
  /** The command that loads it. */
  readonly command?: string;
}

/** Bytes read at the beginning, the middle and the end of a file with random access. */
const PART_BYTES = 128 * 1024;
/** Bytes read of any other file. */
const MOST_BYTES = 32 * 1024 * 1024;
const SHOWN = 3;
/** Bars whose values are checked together. */
const MOST_BARS = 50_000;

/** Inspects a file. */
export async function inspectFile(item: FileItem, settings: RowSettings): Promise<Inspection> {
  const file = nameOf(item);
  const size = item.path === STDIN ? undefined : Deno.statSync(item.path).size;
  const context = planContext(settings);
  let opened: OpenedFile;
  try {
    opened = await openFile(item, context);
  } catch (error) {
    return { file, size, warnings: [], error: (error as Error).message };
  }
  const { planned, form, isEmpty } = opened;
  const told = {
    file,
    size,
    form,
    format: planned.preset?.name ?? (planned.ok && planned.findings.isNative ? "native" : undefined),
    toldBy: planned.toldBy,
    notes: planned.preset?.notes,
    command: commandLine(item.path, context.given, planned),
  };
  if (!planned.ok && !isEmpty) {
    await opened.close();
    return { ...told, warnings: [], questions: planned.questions, line: planned.line };
  }
  try {
    const tally = createTally(settings);
    const rows = await rowsOf(opened, file, settings);
    const framer = () => createFramer({ source: file, ...rows, clock: () => 0, track: () => undefined });
    await readParts(item, opened, size ?? 0, framer, tally);
    const { stamp } = planned.ok ? planned.plan.dialect : {};
    return { ...told, ...describe(planned, settings), ...tally.result(stamp) };
  } catch (error) {
    return { ...told, warnings: [], error: (error as Error).message };
  }
}

/** Reads the beginning, and the middle and end of a plain file. */
async function readParts(
  item: FileItem,
  opened: OpenedFile,
  size: number,
  makeFramer: () => Framer,
  tally: ReturnType<typeof createTally>,
): Promise<void> {
  const isParted = opened.isPlain && size > 4 * PART_BYTES;
  const first = makeFramer();
  for await (const block of readBlocks(limited(opened.all(), isParted ? PART_BYTES : MOST_BYTES), 0)) {
    for (const frame of first.frames(block, Infinity)) tally.add(frame, "head");
  }
  tally.empty += first.empty;
  if (!isParted) return;
  for (const [at, part] of [[Math.floor(size / 2), "middle"], [size - PART_BYTES, "tail"]] as const) {
    const framer = makeFramer();
    const bytes = withoutFirstLine(limited(readRaw(item, at, {}), PART_BYTES));
    for await (const block of readBlocks(bytes, 0)) {
      // The header's lines were in the first part.
      for (const frame of framer.frames(block, Infinity, true)) tally.add(frame, part);
    }
    tally.empty += framer.empty;
  }
}

/** About `most` bytes at most, up to the end of a line. */
async function* limited(bytes: AsyncGenerator<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const chunk of bytes) {
    if (chunk.length >= left) {
      const end = chunk.lastIndexOf(10, left) + 1;
      yield chunk.subarray(0, end > 0 ? end : left);
      return;
    }
    left -= chunk.length;
    yield chunk;
  }
}

async function* withoutFirstLine(bytes: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isLine = false;
  for await (const chunk of bytes) {
    const at = isLine ? 0 : chunk.indexOf(10) + 1;
    if (!isLine && at === 0) continue;
    isLine = true;
    yield chunk.subarray(at);
  }
}

/** Gathers the outcomes of the rows. */
function createTally({ kinds: [kind] }: RowSettings) {
  const first: object[] = [];
  let last: object[] = [];
  const head: Bar[] = [];
  const refused = new Map<string, { reason: string; count: number; line?: number }>();
  let rows = 0;
  let accepted = 0;
  const now = Date.now();

  function refuse(reason: string, line: number | undefined): void {
    rows++;
    const [shared] = reason.split(": ", 1);
    const known = refused.get(shared) ?? { reason, count: 0, line };
    known.count++;
    refused.set(shared, known);
  }

  const tally = {
    empty: 0,
    add({ columns, rejected }: Frame, part: "head" | "middle" | "tail"): void {
      const lineOf = (line: number | undefined) => part === "head" ? line : undefined;
      for (const { reason, line } of rejected) refuse(reason, lineOf(line));
      const unsound = kind.findUnsound(columns, now);
      for (let at = 0; at < columns.count; at++) {
        if (part === "head" && kind.name === "bar" && head.length < MOST_BARS) head.push(kind.row(columns, at) as Bar);
        const reason = unsound.get(at);
        if (reason !== undefined) {
          refuse(reason, lineOf(columns.lines?.[at]));
          continue;
        }
        rows++;
        accepted++;
        const { provider: _, receivedAt: __, ...shown } = kind.toJSON(columns, at);
        if (first.length < SHOWN) first.push(shown);
        last = [...last, shown].slice(-SHOWN);
      }
    },
    result: (stamp: string | undefined) => ({
      first,
      last,
      sampled: { rows, accepted, withoutPrices: tally.empty },
      refused: [...refused.values()].sort((one, other) => other.count - one.count),
      warnings: findDoubts(head, stamp),
    }),
  };
  return tally;
}

/** Describes how the file is read. */
function describe(planned: PlannedFile, { kinds: [kind] }: RowSettings): Partial<Inspection> {
  if (!planned.ok) return {};
  const { plan, findings } = planned;
  const roles = new Map<number, string>();
  const note = (source: Source | undefined, role: string) => {
    if (source?.from === "column") { for (const place of source.places) roles.set(place, role); }
  };
  for (const [at, { name }] of kind.fields.entries()) note(plan.sources[at], name);
  note(plan.clock, "time");
  const names = findings.header.length > 0
    ? findings.header.map((name) => name.trim())
    : Array.from({ length: 1 + Math.max(-1, ...roles.keys()) }, (_, at) => String(at + 1));
  const keys = kind.fields.flatMap(({ name }, at) => {
    const source = plan.sources[at];
    return source?.from === "key"
      ? [{ column: source.keys.map((steps) => steps.join(".")).join("|"), role: name }]
      : [];
  });
  const { delimiter, decimal, thousands, timeUnit, timeFormat, timeZone, stamp, timeframe } = plan.dialect;
  const symbol = plan.sources[kind.fields.findIndex(({ name }) => name === "symbol")];
  return {
    delimiter,
    decimal: decimal ?? ".",
    thousands,
    headerLines: plan.headerLines,
    columns: plan.isObjects ? keys : names.map((column, at) => ({ column, role: roles.get(at) })),
    symbol: { value: symbol?.from === "constant" ? symbol.value : undefined, from: findings.symbolFrom },
    timeframe: { value: timeframe, from: findings.timeframeFrom },
    time: { unit: timeFormat === undefined ? timeUnit : undefined, format: timeFormat, zone: timeZone, stamp },
  };
}
