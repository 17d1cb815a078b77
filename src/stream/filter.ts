/**
 * The choice of a reader.
 *
 * @module
 */

/** The bars for a reader. */
export interface Filter {
  /** Absent for all tenants. */
  readonly tenant?: string | undefined;
  /** Absent for all symbols. */
  readonly symbols?: ReadonlySet<string> | undefined;
  /** Absent for all providers. */
  readonly provider?: string | undefined;
  /** Absent for all timeframes. */
  readonly timeframe?: string | undefined;
}

/** Whether a filter lets a series through. */
export function matches(
  { tenant, symbols, provider, timeframe }: Filter,
  series: { readonly tenant: string; readonly symbol: string; readonly provider: string; readonly timeframe: string },
): boolean {
  return (tenant === undefined || tenant === series.tenant) && (symbols === undefined || symbols.has(series.symbol)) &&
    (provider === undefined || provider === series.provider) &&
    (timeframe === undefined || timeframe === series.timeframe);
}

/** The condition of SQL on `series_key s`, with four parameters from `$first` on: {@linkcode filterValues}. */
export const filterSql = (first: number): string =>
  `($${first}::text IS NULL OR s.tenant = $${first}) AND ($${first + 1}::text[] IS NULL OR s.symbol = ANY ($${
    first + 1
  }))
  AND ($${first + 2}::text IS NULL OR s.provider = $${first + 2}) AND ($${first + 3}::text IS NULL OR s.timeframe = $${
    first + 3
  })`;

/** The parameters. */
export const filterValues = ({ tenant, symbols, provider, timeframe }: Filter): unknown[] => [
  tenant ?? null,
  symbols === undefined ? null : [...symbols],
  provider ?? null,
  timeframe ?? null,
];
