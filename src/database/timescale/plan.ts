/**
 * Plans the statements that lead from the present state to the configured one. Runs none of them.
 *
 * An absent setting keeps the present state, and means its default only if no state exists yet. So a command that runs
 * without the configuration file undoes nothing, and any start adds the missing parts.
 *
 * @module
 */
import {
  type Interval,
  type ROLLUP_NAMES,
  secondsOf,
  sqlInterval,
  type TimescaleSettings,
} from "../../config/timescale.ts";
import { literal, type Names } from "../names.ts";
import type { Step } from "../step.ts";
import { COUNTS, createContinuousRollup, createPlainRollup, PLAIN_BY_CHOICE, type Rollup, rollups } from "./rollups.ts";
import type { Policy, RollupState, TimescaleState } from "./state.ts";

const DEFAULTS = { chunkInterval: "7d", compressAfter: "30d", refreshEvery: "5m", realTime: true };

/** Settings of the file. With `isArchived`, the archive drops chunks, and no policy does. */
export type PlannedSettings = TimescaleSettings & { readonly isArchived?: boolean };

/** Plans all steps. */
export function planTimescale(settings: PlannedSettings, state: TimescaleState, names: Names): Step[] {
  if (settings.enabled === false) return [];
  const steps = [...planHypertable(settings, state, names)];
  if (state.isCommunity) {
    steps.push(
      ...planCompression(settings, state, names),
      ...planRollups(settings, state, names),
      ...planRetention(settings, state, names),
    );
  }
  return steps.filter(({ statements }) => statements.length > 0);
}

const intervalOf = (interval: Interval) => `INTERVAL '${sqlInterval(interval)}'`;

function planHypertable(
  { chunkInterval }: TimescaleSettings,
  { hypertable }: TimescaleState,
  { of }: Names,
): Step[] {
  const bar = of("bar");
  if (hypertable === undefined) {
    // Bars arrive in the order of their time, so a BRIN index finds a time range as well as a B-tree, which would cost
    // every insert more.
    return [{
      name: "make the table bar a hypertable",
      statements: [
        // Transition tables do not work with compressed chunks.
        `DROP TRIGGER bars_deleted ON ${bar}`,
        `SELECT create_hypertable(${literal(bar)}, 'ts', chunk_time_interval => ${
          intervalOf(chunkInterval ?? DEFAULTS.chunkInterval)
        }, create_default_indexes => false, migrate_data => true)`,
        `CREATE INDEX bar_ts ON ${bar} USING brin (ts) WITH (autosummarize = on)`,
        `CREATE TRIGGER bar_deleted AFTER DELETE ON ${bar} FOR EACH ROW EXECUTE FUNCTION ${of("bar_deleted")}()`,
        `CREATE TRIGGER bars_deleted AFTER DELETE ON ${bar} FOR EACH STATEMENT
EXECUTE FUNCTION ${of("noted_bars_deleted")}()`,
      ],
    }];
  }
  if (chunkInterval === undefined || secondsOf(chunkInterval) === hypertable.chunkSeconds) return [];
  return [{
    name: "change the interval of new chunks",
    statements: [`SELECT set_chunk_time_interval(${literal(bar)}, ${intervalOf(chunkInterval)})`],
  }];
}

function planCompression(
  { compressAfter }: TimescaleSettings,
  { hypertable }: TimescaleState,
  names: Names,
): Step[] {
  const statements: string[] = [];
  const isNew = !hypertable?.isCompressible;
  if (isNew) {
    statements.push(
      `ALTER TABLE ${names.of("bar")} SET (timescaledb.compress, timescaledb.compress_segmentby = 'series_id', ` +
        "timescaledb.compress_orderby = 'ts')",
    );
  }
  const expected = compressAfter ?? (isNew ? DEFAULTS.compressAfter : undefined);
  statements.push(...planPolicy(names, "compression", "compress_after", expected, hypertable?.compression));
  return [{ name: "set up compression", statements }];
}

function planRetention(
  { retention, isArchived }: PlannedSettings,
  { hypertable }: TimescaleState,
  names: Names,
): Step[] {
  const target = isArchived ? "off" : retention;
  const statements = planPolicy(names, "retention", "drop_after", target, hypertable?.retention);
  return [{ name: "set up retention", statements }];
}

/** Plans a policy of the table `bar`: to add, to alter in place, or to remove. */
function planPolicy(
  { of }: Names,
  kind: "compression" | "retention",
  key: "compress_after" | "drop_after",
  expected: Interval | undefined,
  policy: Policy | undefined,
): string[] {
  if (expected === undefined) return [];
  const bar = literal(of("bar"));
  if (expected === "off") return policy === undefined ? [] : [`SELECT remove_${kind}_policy(${bar})`];
  if (policy === undefined) return [`SELECT add_${kind}_policy(${bar}, ${key} => ${intervalOf(expected)})`];
  if (policy.afterSeconds === secondsOf(expected)) return [];
  return [alterJob(policy, { [key]: sqlInterval(expected) })];
}

function alterJob({ jobId }: Policy, config: Record<string, string>, every?: Interval): string {
  const schedule = every === undefined ? "" : `schedule_interval => ${intervalOf(every)}, `;
  return `SELECT alter_job(job_id, ${schedule}config => config || '${JSON.stringify(config)}')
FROM timescaledb_information.jobs WHERE job_id = ${jobId}`;
}

function planRollups(settings: TimescaleSettings, state: TimescaleState, names: Names): Step[] {
  return rollups.map((rollup) => {
    const current = state.rollups.get(rollup.name) ?? PLAIN;
    const isWanted = rollup === COUNTS ||
      (settings.rollups?.includes(rollup.name as typeof ROLLUP_NAMES[number]) ??
        (current.isContinuous || !current.isByChoice));
    if (!isWanted) return planPlain(rollup, current, names);
    // Counts of series are always current, even if roll-ups of bars are not.
    const expected = rollup === COUNTS ? { ...settings, realTime: true } : settings;
    if (!current.isContinuous) return planContinuous(rollup, expected, state, names);
    const isWhole = expected.retention === undefined || expected.retention === "off";
    return current.isOutdated && isWhole && state.hypertable?.retention === undefined
      ? replaceRollup(rollup, current, expected, state, names)
      : alterRollup(rollup, current, expected, state, names);
  });
}

const PLAIN: RollupState = { isContinuous: false, isByChoice: false, isRealTime: false };

function planContinuous(rollup: Rollup, settings: TimescaleSettings, state: TimescaleState, names: Names): Step {
  const { refreshEvery = DEFAULTS.refreshEvery, realTime = DEFAULTS.realTime } = settings;
  return {
    name: `keep ${rollup.view} as a continuous aggregate`,
    statements: [
      ...createContinuousRollup(rollup, names, realTime),
      addRefresh(names.of(rollup.aggregate), rollup, refreshEvery, startOffset(settings, state)),
    ],
  };
}

/**
 * Recreates the aggregate, empty like a new one. It stays if bars are dropped after a time, since their roll-ups could
 * not be computed again.
 */
function replaceRollup(
  rollup: Rollup,
  { isRealTime, refresh }: RollupState,
  settings: TimescaleSettings,
  state: TimescaleState,
  names: Names,
): Step {
  const minutes = refresh === undefined ? undefined : `${Math.max(1, Math.round(refresh.everySeconds / 60))}m`;
  const { refreshEvery = minutes, realTime = isRealTime } = settings;
  return {
    name: `recreate ${rollup.aggregate}, so that no value makes it fail`,
    statements: [
      ...createPlainRollup(rollup, names),
      `DROP MATERIALIZED VIEW ${names.of(rollup.aggregate)}`,
      ...planContinuous(rollup, { ...settings, refreshEvery, realTime }, state, names).statements,
    ],
  };
}

function planPlain(rollup: Rollup, { isContinuous, isByChoice }: RollupState, names: Names): Step {
  const name = `make ${rollup.view} a plain view`;
  if (!isContinuous && isByChoice) return { name, statements: [] };
  const drop = isContinuous ? [`DROP MATERIALIZED VIEW ${names.of(rollup.aggregate)}`] : [];
  return { name, statements: [...createPlainRollup(rollup, names, PLAIN_BY_CHOICE), ...drop] };
}

function alterRollup(
  rollup: Rollup,
  { isRealTime, refresh }: RollupState,
  settings: TimescaleSettings,
  state: TimescaleState,
  names: Names,
): Step {
  const statements: string[] = [];
  const { refreshEvery, realTime } = settings;
  if (realTime !== undefined && realTime !== isRealTime) {
    statements.push(
      `ALTER MATERIALIZED VIEW ${names.of(rollup.aggregate)} SET (timescaledb.materialized_only = ${!realTime})`,
    );
  }
  const start = startOffset(settings, state);
  if (refresh === undefined) {
    statements.push(addRefresh(names.of(rollup.aggregate), rollup, refreshEvery ?? DEFAULTS.refreshEvery, start));
  } else {
    const isOther = refreshEvery !== undefined && secondsOf(refreshEvery) !== refresh.everySeconds;
    // Never further back than before: bars dropped by retention would seem deleted, and their roll-ups would be
    // dropped, too.
    const isLess = start !== undefined && start < (refresh.startSeconds ?? Infinity);
    const config: Record<string, string> = isLess ? { start_offset: `${start} seconds` } : {};
    if (isOther || isLess) statements.push(alterJob(refresh, config, isOther ? refreshEvery : undefined));
  }
  return { name: `change how ${rollup.view} is refreshed`, statements };
}

/**
 * How far back roll-ups are refreshed, in seconds: without a bound, so that late and repaired bars are included (only
 * changed buckets are computed again); or up to where retention drops the bars.
 */
function startOffset({ retention }: TimescaleSettings, { hypertable }: TimescaleState): number | undefined {
  if (retention === "off") return undefined;
  return retention === undefined ? hypertable?.retention?.afterSeconds : secondsOf(retention);
}

/** Real-time reads cover the current bucket. */
function addRefresh(aggregate: string, { bucket }: Rollup, every: Interval, start: number | undefined): string {
  return `SELECT add_continuous_aggregate_policy(${literal(aggregate)}, start_offset => ${
    start === undefined ? "NULL" : `INTERVAL '${start} seconds'`
  }, end_offset => INTERVAL '${bucket}', schedule_interval => ${intervalOf(every)})`;
}
