/**
 * Reads rows of a file by its plan from their bytes, for usual lines.
 *
 * @module
 */
import type { Plan } from "../../files/plan.ts";
import { type OpenColumns, SERIES } from "../../records/columns.ts";
import { isNumber } from "../../records/field.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { ParseContext } from "../../records/record.ts";
import { type CellRules, createCellWriter, PRICES } from "./cells.ts";
import { planLine, readPlainLine } from "./plain_line.ts";

/**
 * Reads the line that begins at `from` into a row, and returns where the next begins, or `to`; `UNUSUAL` if that is
 * impossible, and the row must be cleared.
 */
export type PlannedBytes = (
  bytes: Uint8Array,
  from: number,
  to: number,
  into: OpenColumns,
  receivedAt: number,
) => number;

const NO_QUOTE = -1;
const [POINT, LETTER_E] = [46, 101];

/**
 * Creates a reader; `undefined` if the plan needs more: rows of JSON, sums, one column with several roles, or numeric
 * texts for no value.
 */
export function createPlannedBytes(plan: Plan, kind: RecordKind, context: ParseContext): PlannedBytes | undefined {
  const { sources, clock, delimiter, quote, usualWidth } = plan;
  const { fields } = kind;
  const columnOf = sources.map((source) =>
    source?.from === "column" && source.places.length === 1 ? source.places[0] : -1
  );
  const isPlaced = sources.every((source, at) =>
    source === undefined || columnOf[at] >= 0 || source.from === "constant" && fields[at].place === SERIES
  );
  const clockColumn = clock?.from === "column" && clock.places.length === 1 ? clock.places[0] : -1;
  const find = (name: string) => fields.findIndex((field) => field.name === name);
  const [symbolAt, timeframeAt, timeAt] = [find("symbol"), find("timeframe"), find("ts")];
  const isKnown = (at: number) => at === symbolAt || at === timeAt || at === timeframeAt || isNumber(fields[at]);
  const isOther = fields.some((_, at) => columnOf[at] >= 0 && !isKnown(at));
  const hasNumericNull = [...plan.nulls].some((text) => text !== "" && Math.abs(Number(text)) < 2 ** 53);
  if (plan.isObjects || !isPlaced || isOther || hasNumericNull || kind.derivesSymbol) return undefined;
  if (columnOf[timeAt] < 0 || clock !== undefined && clockColumn < 0) return undefined;
  const used = [...columnOf, clockColumn].filter((column) => column >= 0);
  if (new Set(used).size < used.length || Math.max(...used) >= usualWidth) return undefined;

  const rules = rulesOf(plan, columnOf[timeframeAt] >= 0, sources[symbolAt]);
  const cells = createCellWriter({ kind, context, timeUnit: "iso" }, rules);
  const line = planLine(
    { delimiter: delimiter.charCodeAt(0), quote: quote?.charCodeAt(0) ?? NO_QUOTE, width: usualWidth },
    // The time of day is the role after all fields.
    [...columnOf, clockColumn],
    // The rules read all numbers except plain decimals.
    fields.map((field) => ({ field, isPlain: rules.mark === POINT && !(rules.scalePrice && PRICES.has(field.name)) })),
  );
  return (bytes, from, to, into, receivedAt) => {
    cells.begin(into, receivedAt);
    return readPlainLine(line, cells, bytes, from, to, into);
  };
}

function rulesOf(plan: Plan, hasTimeframe: boolean, symbol: Plan["sources"][number]): CellRules {
  const { clock, scale, absolute, dialect, nulls, readNumber, timesOf, timeframeOf } = plan;
  const divisor = scale === undefined || scale.factor >= 1 ? 1 : Math.round(1 / scale.factor);
  const factor = scale === undefined || scale.factor < 1 ? 1 : scale.factor;
  const isSame = scale === undefined && !absolute;
  return {
    timesOf,
    hasClock: clock !== undefined,
    isTimeLate: clock !== undefined || hasTimeframe,
    timeframeOf: (text) => timeframeOf(text) ?? text,
    symbol: symbol?.from === "constant" ? symbol.value : undefined,
    mark: (dialect.decimal ?? ".").charCodeAt(0),
    nulls,
    readNumber,
    scalePrice: isSame ? undefined : (value, bytes, from, to) => {
      const positive = absolute ? Math.abs(value) : value;
      // Division by a whole number gives the nearest result.
      return scale?.integersOnly && hasMark(bytes, from, to) ? positive : positive / divisor * factor;
    },
  };
}

/** Whether a number is written with a point or an exponent. */
function hasMark(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === POINT || (bytes[at] | 32) === LETTER_E) return true;
  return false;
}
