/**
 * Roll-ups: views for readers, computed at each read of plain tables, or kept by TimescaleDB as continuous aggregates.
 * Readers see the same views, names and columns either way: a view is changed in place to read the aggregate or the
 * bars, so that rights on it and relations built on it stay.
 *
 * @module
 */
import { ROLLUP_NAMES } from "../../config/timescale.ts";
import type { Names } from "../names.ts";
import { type Relation, viewOf } from "../schema/relation.ts";

/** A roll-up. */
export interface Rollup {
  /** Name in the configuration; `series`, the counts of series, has no setting there. */
  readonly name: typeof ROLLUP_NAMES[number] | "series";
  /** The view that readers know. */
  readonly view: string;
  /** The continuous aggregate below it. */
  readonly aggregate: string;
  /** Length of its buckets, as PostgreSQL reads it. Days are those of UTC. */
  readonly bucket: string;
  /** Comment on the view. */
  readonly comment: string;
  /** Query of the view over plain tables. */
  readonly plain: (names: Names) => string;
  /** Query of the continuous aggregate. */
  readonly continuous: (names: Names) => string;
  /** Query of the view over the aggregate. */
  readonly over: (names: Names) => string;
  /** Columns of the index for reads of the aggregate. */
  readonly index: string;
}

const BUCKETS: Record<typeof ROLLUP_NAMES[number], string> = {
  "5m": "5 minutes",
  "15m": "15 minutes",
  "1h": "1 hour",
  "1d": "1 day",
};

/** Larger volumes are left out, so that the sum of a bucket stays finite. */
const MOST_VOLUME = "1e290";
/** Whether a value is neither too large nor too small for products of two doubles, and their sums. */
const isMultiplied = (value: string) => `(${value} = 0 OR abs(${value}) BETWEEN 1e-100 AND 1e100)`;
/** The bars that count for the VWAP. */
const WEIGHED = `FILTER (WHERE ${isMultiplied("b.vwap")} AND ${isMultiplied("b.volume")} AND b.volume >= 0)`;

/**
 * The query that rolls 1-minute bars up into longer ones. Variants differ in the expressions for start, open and close.
 *
 * The names of the series are columns and grouped by. So a condition on a symbol reaches the bars below and the index
 * of a continuous aggregate, while a join from outside would aggregate all series first.
 *
 * No value of a bar makes it fail. A product or sum of doubles that overflows would, and one such bar would make the
 * view unreadable.
 */
function rollUp(start: string, open: string, close: string): (names: Names) => string {
  return ({ of }) =>
    `SELECT s.tenant, s.provider, s.symbol, ${start} AS ts,
  ${open} AS open, max(b.high) AS high, min(b.low) AS low, ${close} AS close,
  sum(CASE WHEN abs(b.volume) <= ${MOST_VOLUME} THEN b.volume ELSE 'Infinity' END) AS volume,
  sum(b.vwap * b.volume) ${WEIGHED} / nullif(sum(b.volume) ${WEIGHED}, 0) AS vwap,
  sum(b.trades) AS trades, count(*) AS bars, b.series_id
FROM ${of("bar")} b JOIN ${of("series_key")} s ON s.id = b.series_id
WHERE s.timeframe = '1m'
GROUP BY s.tenant, s.provider, s.symbol, b.series_id, ${start}`;
}

function barsOf(name: typeof ROLLUP_NAMES[number]): Rollup {
  const bucket = BUCKETS[name];
  const aggregate = `bar_${name}`;
  const at = (price: string, order: string) => `(array_agg(${price} ORDER BY b.ts${order}))[1]`;
  return {
    name,
    view: `bars_${name}`,
    aggregate,
    bucket,
    comment: `1-minute bars as bars of ${bucket}.`,
    plain: rollUp(
      `date_bin(INTERVAL '${bucket}', b.ts, TIMESTAMPTZ '2000-01-01 00:00:00+00')`,
      at("b.open", ""),
      at("b.close", " DESC"),
    ),
    continuous: rollUp(`time_bucket(INTERVAL '${bucket}', b.ts)`, "first(b.open, b.ts)", "last(b.close, b.ts)"),
    over: ({ of }) =>
      `SELECT tenant, provider, symbol, ts, open, high, low, close, volume, vwap, trades, bars, series_id
FROM ${of(aggregate)}`,
    index: "symbol, ts DESC",
  };
}

/** The view `series`; first and last are looked up in both variants. Days dropped by retention do not count. */
function seriesOf(count: (names: Names, first: string) => string): (names: Names) => string {
  return (names) => {
    const { of } = names;
    const first = `(SELECT min(b.ts) FROM ${of("bar")} b WHERE b.series_id = k.id)`;
    return `SELECT k.tenant, k.provider, k.symbol, k.timeframe,
  ${first} AS first_ts,
  (SELECT max(b.ts) FROM ${of("bar")} b WHERE b.series_id = k.id) AS last_ts,
  ${count(names, first)} AS bars,
  k.created_at, k.id
FROM ${of("series_key")} k`;
  };
}

/** The number of bars of each series. */
export const COUNTS: Rollup = {
  name: "series",
  view: "series",
  aggregate: "series_day",
  bucket: "1 day",
  comment: "Each series with the times of its first and last bar and how many there are; bar.series_id is its id.",
  plain: seriesOf(({ of }) => `(SELECT count(*) FROM ${of("bar")} b WHERE b.series_id = k.id)`),
  continuous: ({ of }) =>
    `SELECT series_id, time_bucket(INTERVAL '1 day', ts) AS ts, count(*) AS bars
FROM ${of("bar")}
GROUP BY series_id, time_bucket(INTERVAL '1 day', ts)`,
  over: seriesOf(
    ({ of }, first) =>
      `(SELECT coalesce(sum(d.bars), 0)::bigint FROM ${of("series_day")} d
    WHERE d.series_id = k.id AND d.ts > ${first} - INTERVAL '1 day')`,
  ),
  index: "series_id, ts",
};

/** All roll-ups; those of bars come first, the shortest first. */
export const rollups: readonly Rollup[] = [...ROLLUP_NAMES.map(barsOf), COUNTS];

/** Prefix of the comment on a view that is plain because the configuration says so. */
export const PLAIN_BY_CHOICE = "Plain by configuration.";

/** Creates the plain view, or replaces another by it. */
export function createPlainRollup({ view, plain, comment }: Rollup, names: Names, why = ""): string[] {
  return [
    `CREATE OR REPLACE VIEW ${names.of(view)} AS\n${plain(names)}`,
    `COMMENT ON VIEW ${names.of(view)} IS '${[why, comment].join(" ").trim()}'`,
  ];
}

/** The views of all roll-ups, in their plain form. */
export function rollupRelations(): Relation[] {
  return rollups.map((rollup) =>
    viewOf(
      rollup.view,
      rollup === COUNTS ? COUNTS_COLUMNS : ROLLUP_COLUMNS,
      (names) => createPlainRollup(rollup, names),
    )
  );
}

const NAMES = { tenant: "text", provider: "text", symbol: "text" };
const FLOAT = "double precision";
const TIME = "timestamp with time zone";
const ROLLUP_COLUMNS = {
  ...NAMES,
  ts: TIME,
  open: FLOAT,
  high: FLOAT,
  low: FLOAT,
  close: FLOAT,
  volume: FLOAT,
  vwap: FLOAT,
  trades: "bigint",
  bars: "bigint",
  series_id: "integer",
};
const COUNTS_COLUMNS = {
  ...NAMES,
  timeframe: "text",
  first_ts: TIME,
  last_ts: TIME,
  bars: "bigint",
  created_at: TIME,
  id: "integer",
};

/** Creates the continuous aggregate, empty: its policy fills it, and until then it is computed at each read. */
export function createContinuousRollup(rollup: Rollup, names: Names, isRealTime: boolean): string[] {
  const { view, aggregate, continuous, over, index, comment } = rollup;
  const { of } = names;
  const options = ["timescaledb.continuous", `timescaledb.materialized_only = ${!isRealTime}`];
  return [
    `CREATE MATERIALIZED VIEW ${of(aggregate)} WITH (${options.join(", ")}, timescaledb.create_group_indexes = false) AS
${continuous(names)}
WITH NO DATA`,
    `CREATE INDEX ON ${of(aggregate)} (${index})`,
    `CREATE OR REPLACE VIEW ${of(view)} AS\n${over(names)}`,
    `COMMENT ON VIEW ${of(view)} IS '${comment}'`,
  ];
}
