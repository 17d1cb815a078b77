/**
 * Finds the series with a symbol's bars at a timeframe: stored ones, or 1-minute bars that a view rolls up.
 *
 * @module
 */
import type { Client } from "pg";
import { ROLLUP_NAMES } from "../config/timescale.ts";
import { DEFAULT_TIMEFRAME } from "../records/timeframe.ts";
import type { Names } from "./names.ts";

/** A stored series of a symbol. */
export interface SymbolSeries {
  readonly id: number;
  readonly provider: string;
  readonly timeframe: string;
}

/** A series to read, and the view of its bars. */
export interface BarSeries {
  readonly id: number;
  readonly provider: string;
  /** A name of the schema. */
  readonly view: string;
}

/** The series, or the reason why none was found: no stored one fits, or those of several providers do. */
export type FoundSeries =
  | { readonly ok: true; readonly series: BarSeries }
  | { readonly ok: false; readonly stored: readonly SymbolSeries[]; readonly providers?: readonly string[] };

/** The bars to read. */
export interface BarChoice {
  readonly symbol: string;
  /** Absent if the symbol has only one provider. */
  readonly provider?: string;
  readonly timeframe: string;
}

/** Finds the series of a tenant's symbol. Stored bars of the timeframe are preferred to rolled-up ones. */
export async function findBarSeries(
  client: Client,
  { of }: Names,
  tenant: string,
  { symbol, provider, timeframe }: BarChoice,
): Promise<FoundSeries> {
  const { rows: stored }: { rows: SymbolSeries[] } = await client.query(
    `SELECT s.id, s.provider, s.timeframe FROM ${of("series")} s
WHERE s.tenant = $1 AND s.symbol = $2 ORDER BY s.timeframe, s.provider`,
    [tenant, symbol],
  );
  const ofProvider = stored.filter((series) => provider === undefined || series.provider === provider);
  const own = ofProvider.filter((series) => series.timeframe === timeframe);
  const isRolledUp = (ROLLUP_NAMES as readonly string[]).includes(timeframe);
  const minutes = isRolledUp ? ofProvider.filter((series) => series.timeframe === DEFAULT_TIMEFRAME) : [];
  const found = own.length > 0 ? own : minutes;
  if (found.length === 0) return { ok: false, stored };
  if (found.length > 1) return { ok: false, stored, providers: found.map((series) => series.provider) };
  const view = own.length > 0 ? "bars" : `bars_${timeframe}`;
  return { ok: true, series: { id: found[0].id, provider: found[0].provider, view } };
}

/**
 * The reason why no series was found, as a sentence without its end. `add` says how the caller names a provider: `give
 * --provider and one of`.
 */
export function explainMissing(
  { symbol, provider, timeframe }: BarChoice,
  { stored, providers }: Extract<FoundSeries, { ok: false }>,
  add: string,
): string {
  const name = JSON.stringify(symbol);
  if (providers !== undefined) return `Cannot choose a provider of ${name}: ${add} ${providers.join(", ")}`;
  const of = provider === undefined ? "" : ` of provider ${JSON.stringify(provider)}`;
  const has = stored.map((series) => `${series.timeframe} of ${series.provider}`).join(", ");
  return `Cannot find bars of ${name} at ${timeframe}${of}: ` +
    (has === "" ? "no series of that symbol is stored" : `stored are ${has}`);
}
