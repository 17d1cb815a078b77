/**
 * The readers of an opened file's rows.
 *
 * @module
 */
import type { OpenedFile } from "../../files/open_file.ts";
import type { Plan } from "../../files/plan.ts";
import type { PlanContext } from "../../files/plan_file.ts";
import { describeQuestions } from "../../files/questions.ts";
import { createZones } from "../../files/zone.ts";
import type { RecordKind } from "../../records/kind.ts";
import { describeTimeUnit, recordUnit, timeParser } from "../../records/time.ts";
import type { ProviderSettings } from "../provider.ts";
import { LOADED, type ParseContext } from "../../records/record.ts";
import { createCsvReader } from "./csv.ts";
import type { FramerOptions } from "./framer.ts";
import type { LineReader } from "./line.ts";
import { createNdjsonReader } from "./ndjson.ts";
import { createPlannedReader } from "./planned.ts";

/** Name of the provider of files. */
export const PROVIDER = LOADED;

/** The settings that all files share. */
export type RowSettings = Pick<ProviderSettings, "kinds" | "timeframe" | "format" | "fileProvider"> & {
  readonly timeUnit: string;
};

/** The context that all files are planned with. */
export function planContext({ kinds: [kind], timeUnit, timeframe, format }: RowSettings): PlanContext {
  const { dialect = {}, ...given } = format ?? {};
  const unit = recordUnit(timeUnit);
  return {
    given: { ...given, dialect: unit === "iso" ? dialect : { timeUnit: unit, ...dialect } },
    fields: kind.fields,
    defaultTimeframe: timeframe,
    isBars: kind.name === "bar",
    zoneOf: createZones(),
  };
}

/**
 * The options of a framer that reads the rows of a file.
 *
 * @throws {RangeError} If the file is empty, or needs an answer of the user.
 */
export async function rowsOf(
  opened: OpenedFile,
  name: string,
  { kinds: [kind], timeframe, fileProvider = PROVIDER }: RowSettings,
): Promise<Pick<FramerOptions, "kind" | "provider" | "reader" | "headerLines" | "comment">> {
  const { planned, isEmpty } = opened;
  if (isEmpty || !planned.ok) {
    await opened.close();
    throw new RangeError(
      isEmpty || planned.ok ? explainEmpty(opened, kind) : describeQuestions(planned.questions, name, planned.line),
    );
  }
  const { plan, findings } = planned;
  const { headerLines, comment, dialect } = plan;
  const named = { provider: fileProvider, timeframe: dialect.timeframe ?? timeframe };
  const reader = createReader(opened, plan, findings.isNative, kind, named);
  return { kind, provider: PROVIDER, reader, headerLines, comment };
}

/** The reader of a file's rows: a file with Barline's own columns is read from bytes. */
function createReader(
  opened: OpenedFile,
  plan: Plan,
  isNative: boolean,
  kind: RecordKind,
  named: Pick<ParseContext, "provider" | "timeframe">,
): LineReader {
  const timeUnit = recordUnit(plan.dialect.timeUnit ?? "iso");
  const context: ParseContext = {
    ...named,
    parseTime: timeParser(timeUnit),
    timeFormat: describeTimeUnit(timeUnit),
  };
  if (!isNative) return createPlannedReader(plan, kind, context);
  const target = { kind, context, timeUnit };
  if (plan.isObjects) return createNdjsonReader(target);
  const header = opened.lines[plan.headerLines - 1]?.replace(/\r$/, "").replace(/^\uFEFF/, "");
  return createCsvReader(header, plan.delimiter, target);
}

function explainEmpty({ isEmpty, form }: OpenedFile, { name }: RecordKind): string {
  return isEmpty && form === "json"
    ? "its document is no array of rows: a dialect file with path: KEY says where they are"
    : `it is empty, expected a header or a JSON object of a ${name}`;
}
