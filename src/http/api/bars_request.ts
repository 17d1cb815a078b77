/**
 * Parameters of `GET /api/bars.csv` and its siblings.
 *
 * @module
 */
import { type BarChoice, explainMissing, type FoundSeries } from "../../database/bar_series.ts";
import { parseTimeOrDay } from "../../records/time.ts";
import { DEFAULT_TIMEFRAME, TIMEFRAMES } from "../../records/timeframe.ts";
import { RequestError } from "../body.ts";

/** Formats in which bars are given. */
export const BAR_FORMATS = ["csv", "ndjson", "parquet", "arrow"] as const;
/** See {@linkcode BAR_FORMATS}. */
export type BarFormat = (typeof BAR_FORMATS)[number];

/** The bars of a request. */
export interface BarsRequest extends BarChoice {
  /** Start of the first bar, in epoch milliseconds. */
  readonly from?: number;
  /** Bars start before it, in epoch milliseconds. */
  readonly to?: number;
  /** Most bars, from the oldest on. */
  readonly limit?: number;
}

const PARAMETERS = ["symbol", "provider", "timeframe", "from", "to", "adjust", "limit", "tenant"];
/** Most bars of one answer: twice the minutes of ten years in a market that never closes. */
const MOST_BARS = 10_000_000;

/**
 * Reads the parameters.
 *
 * @throws {RequestError} If one is unknown, missing, given twice or wrong.
 */
export function readBarsRequest(query: URLSearchParams): BarsRequest {
  for (const name of new Set(query.keys())) {
    if (!PARAMETERS.includes(name)) {
      throw new RequestError(`Cannot use the parameter "${name}": expected one of ${PARAMETERS.join(", ")}`);
    }
    if (query.getAll(name).length > 1) throw new RequestError(`Cannot use "${name}" twice: expected one value`);
  }
  const symbol = query.get("symbol");
  if (!symbol) throw new RequestError('Cannot answer without "symbol" in the query, as in ?symbol=AAPL');
  const timeframe = query.get("timeframe") ?? DEFAULT_TIMEFRAME;
  if (!TIMEFRAMES.has(timeframe)) throw wrong(query, "timeframe", `one of ${[...TIMEFRAMES.keys()].join(", ")}`);
  if ((query.get("adjust") ?? "raw") !== "raw") {
    throw wrong(query, "adjust", '"raw": bars are stored as the provider gave them, without adjustments');
  }
  const [from, to] = [readTime(query, "from"), readTime(query, "to")];
  if (from !== undefined && to !== undefined && from >= to) {
    throw wrong(query, "to", `a time after "from", which is ${JSON.stringify(query.get("from"))}`);
  }
  return { symbol, provider: query.get("provider") ?? undefined, timeframe, from, to, limit: readLimit(query) };
}

const wrong = (query: URLSearchParams, name: string, expected: string) =>
  new RequestError(
    `Cannot use the parameter "${name}": current value is ${JSON.stringify(query.get(name))}, expected ${expected}`,
  );

/** ISO 8601 with a zone, or a day, which begins at its midnight in UTC. */
function readTime(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const time = parseTimeOrDay(text);
  if (!Number.isNaN(time)) return time;
  throw wrong(query, name, "a day like 2024-01-02 or a time with its zone like 2024-01-02T14:30:00Z");
}

function readLimit(query: URLSearchParams): number | undefined {
  const text = query.get("limit");
  if (text === null) return undefined;
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MOST_BARS) return limit;
  throw wrong(query, "limit", `a whole number from 1 to ${MOST_BARS.toLocaleString("en-US")}`);
}

/** The refusal of a request for bars that are not stored (404), or that several providers have. */
export function refuseSeries(request: BarsRequest, found: Extract<FoundSeries, { ok: false }>): RequestError {
  const message = explainMissing(request, found, "add provider= and one of");
  return found.providers === undefined ? new RequestError(message, 404) : new RequestError(message);
}
