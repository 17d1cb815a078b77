/** `barline export`. @module */
import { format as formatBytes } from "@std/fmt/bytes";
import { type Config, loadConfig } from "../config/load.ts";
import { withClient } from "../database/database.ts";
import { openForReading } from "../database/open.ts";
import { chooseSeries, type ChosenSeries } from "../database/series_rows.ts";
import { columnsOf } from "../export/columns.ts";
import { type ExportOptions, exportRecords, PlaceError } from "../export/export.ts";
import { createWriter } from "../export/file.ts";
import { openPlace } from "../export/open_place.ts";
import type { ExportPlace } from "../export/place.ts";
import { partitionsOf } from "../export/partitions.ts";
import { createRowReader, type ExportSession, setUpSession } from "../export/rows.ts";
import { rowName } from "../providers/mod.ts";
import { recordKind } from "../records/mod.ts";
import { writeAll } from "../storage/durable_files.ts";
import { configureLog, printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { requireEmbedded } from "./database.ts";
import { type ExportRequest, readRequest } from "./export/request.ts";
import { startExportProgress } from "./export/progress.ts";
import { count } from "./loads_report.ts";

/** Exports records into files, or to standard output. */
export async function run(invocation: Invocation): Promise<number> {
  const { options, configFile } = invocation;
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile, oneTenant: true });
  const request = readRequest(invocation, config);
  const { json, logLevel, logFormat } = config.settings;
  await configureLog({ level: logLevel, format: logFormat });
  const place = request.output === "-" ? undefined : await open(request.output, config);
  await requireEmbedded(config);
  await using database = await openForReading(config);
  const { supportsCopy } = database;
  return await withClient(database, async (client, names) => {
    await setUpSession(client);
    const session: ExportSession = { client, names, supportsCopy };
    const series = await chooseSeries(client, names, choiceOf(config, request));
    if (series.length === 0) {
      throw new UsageError(`Cannot export: no ${request.form.kind} is stored of ${namesOf(config)}`);
    }
    const { form, range } = withProviders(request, series);
    const common = { session, kind: recordKind(form.kind), series, form, range };
    return place === undefined ? await print(common) : await save({ ...common, place, json });
  });
}

async function open(output: string, { variable }: Config): Promise<ExportPlace> {
  try {
    return await openPlace(output, variable);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function choiceOf({ settings: { tenant } }: Config, { form: { kind, selection } }: ExportRequest) {
  const { providers, symbols, timeframes } = selection;
  return {
    tenant,
    kind,
    providers: providers?.map(rowName),
    symbols: symbols ?? undefined,
    timeframes: timeframes ?? undefined,
  };
}

const namesOf = ({ settings: { tenant } }: Config) => `tenant "${tenant}" with these providers, symbols and timeframes`;

/** Rows of several providers go into separate files: reading them back takes one provider a file. */
function withProviders(request: ExportRequest, series: readonly ChosenSeries[]): ExportRequest {
  const { form } = request;
  const isOne = new Set(series.map(({ provider }) => provider)).size === 1;
  if (isOne || form.partitionBy.includes("provider") || request.output === "-") return request;
  return { ...request, form: { ...form, partitionBy: ["provider", ...form.partitionBy] } };
}

type Common = Pick<ExportOptions, "session" | "kind" | "series" | "form" | "range">;

/** Writes files to a place. */
async function save({ place, json, ...options }: Common & { readonly place: ExportPlace; readonly json: boolean }) {
  using progress = startExportProgress();
  const started = performance.now();
  const { manifest, written, kept } = await exportRecords({
    ...options,
    place,
    onProgress: progress.show,
    warn: progress.warn,
  }).catch((error) => {
    throw error instanceof PlaceError ? new UsageError(error.message) : error;
  });
  progress[Symbol.dispose]();
  if (manifest.files.length === 0) throw new UsageError(noRows(options));
  const seconds = Math.round(performance.now() - started) / 1000;
  const { kind, rows, bytes, files } = manifest;
  if (json) {
    const total = { files: files.length, rows, bytes };
    console.log(printable(JSON.stringify({ ok: true, output: place.label, kind, ...total, written, kept, seconds })));
  } else {
    console.log(
      printable(
        `Exported ${count(written.rows)} records in ${count(written.files)} files, ${formatBytes(written.bytes)}, ` +
          `to ${place.label}${kept === 0 ? "" : `; ${count(kept)} files were there already`}`,
      ),
    );
  }
  return EXIT.done;
}

/** Writes one file to standard output. */
async function print({ session, kind, series, form, range }: Common): Promise<number> {
  const columns = columnsOf(kind);
  const reader = createRowReader(session, kind, columns, series);
  const writer = await createWriter(form, columns, (bytes) => writeAll(Deno.stdout, bytes));
  let rows = 0;
  for await (const partition of partitionsOf(session, kind, series, [], range)) {
    for await (const batch of reader.read(partition)) {
      rows += batch.count;
      await writer.write(batch);
    }
  }
  if (rows === 0) throw new UsageError(noRows({ form }));
  await writer.end();
  return EXIT.done;
}

const noRows = ({ form: { kind, selection: { from, to } } }: Pick<Common, "form">) =>
  `Cannot export: no ${kind} of these series lies between ${from ?? "the first"} and ${to ?? "the last"}`;
