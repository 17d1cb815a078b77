/**
 * The store of a run's records: the database, or a stream from which hubs store them.
 *
 * @module
 */
import { resolve } from "@std/path";
import { timescaleBeside } from "../config/archive.ts";
import { isClustered } from "../config/cluster.ts";
import { describeTarget } from "../config/database.ts";
import type { Config } from "../config/load.ts";
import { keepCoverageInFiles } from "../coverage/file.ts";
import type { CoverageStore } from "../coverage/store.ts";
import { withUpgrade } from "../coverage/upgrade.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import type { Client } from "pg";
import { type CommitRisk, describeRisk, readCommitRisk } from "../database/commit_risk.ts";
import { keepCoverageInDatabase } from "../database/coverage.ts";
import { type Database, withClient, withinMs } from "../database/database.ts";
import { classifyDatabaseError } from "../database/faults.ts";
import { type Destination, readDestination } from "../database/destination.ts";
import { type HistoryReads, noteHistoryReads } from "../database/history_reads.ts";
import type { LoadBook } from "../database/load_book.ts";
import { type LoadStore, recordLoads } from "../database/loads.ts";
import { type NewestBar, readNewest } from "../database/newest.ts";
import { checkPrepared } from "../database/migrate.ts";
import { DEFAULT_SCHEMA, type Names } from "../database/names.ts";
import { openDatabase } from "../database/open.ts";
import { borrow, createPool, type Pool } from "../database/pool.ts";
import { openPrepared } from "../database/prepare.ts";
import type { Uses } from "../database/schema/rights.ts";
import { trimStreamLog } from "../database/stream_trim.ts";
import { applyTimescale } from "../database/timescale/apply.ts";
import { checkNats } from "../nats/connection.ts";
import { openPreparedNats } from "../nats/prepared.ts";
import { readCreation } from "../nats/stream.ts";
import type { RecordKind } from "../records/kind.ts";
import { keepCoverageInNats } from "../nats/coverage.ts";
import { openSink } from "../sinks/mod.ts";
import type { Sink, Writers } from "../sinks/sink.ts";
import { clusterOf, writerName } from "./cluster_name.ts";

/** Default number of connections for writing: enough for the lanes of some tenants, and few for a server. */
const CONNECTIONS = 20;

/** Time between two removals of old entries of the log of streams, in milliseconds. */
const TRIM_EVERY_MS = 10 * 60_000;

/** Most bars that a start moves into chunks of TimescaleDB, which takes about a minute. */
const MOVED_AT_START = 1_000_000;

/** A store of records. */
export interface Store {
  /** Name of its sink. */
  readonly name: "postgres" | "nats";
  /** Describes the store for people: the address, as far as it may be shown, and the schema once it is known. */
  describe(): string;
  /** The schema of the tables, once it is known; absent without a database. */
  schema?(): string | undefined;
  /** Absent for a stream, whose stored rows cannot be queried. */
  readonly database?: Database;
  /** Opens the sink for a tenant's records of a kind, given the other writers of its series. */
  openSink(tenant: string, kind: RecordKind, writers: Writers, loads?: LoadBook): Sink;
  /** Records a tenant's loads of files; absent without a database. */
  loads?(tenant: string): LoadStore;
  /** Records a tenant's reads of history; absent without a database. */
  reads?(tenant: string): HistoryReads;
  /** Opens the coverage of a tenant's series: beside the bars, or else in the cluster's store or the data directory. */
  coverage(tenant: string): CoverageStore;
  /** Resolves if the store answers, and throws its error otherwise. */
  check(signal: AbortSignal): Promise<void>;
  /** Reads how much a crash of the server may lose; absent if nothing, or unknown. */
  commitRisk?(signal: AbortSignal): Promise<CommitRisk | undefined>;
  /**
   * The newest stored bar of each of a tenant's symbols of a provider; empty if that cannot be known. Ends when `stop`
   * aborts.
   *
   * @throws {Error} If the store is unreachable, unless `isKept`.
   */
  newest(series: {
    tenant: string;
    provider: string;
    timeframe: string;
    isKept: boolean;
    stop: AbortSignal;
  }): Promise<ReadonlyMap<string, NewestBar>>;
  /** The identity of the database, and its position; absent without a database. */
  destination?(tenant: string, stop: AbortSignal): Promise<Destination>;
}

/** Options of {@linkcode openStore}. */
export interface StoreOptions {
  config: Config;
  /** Replaces the configured one; stays open. */
  database?: Database;
  /** Whether the store is for reading alone: a server is not changed, and must have the tables. @default {false} */
  isReadOnly?: boolean;
  /** Whether records are kept while the store is unreachable. */
  isKept: boolean;
  /** The rights that the database user needs. */
  uses: Uses;
  /** Most lanes of one tenant. */
  lanes: number;
  /** Called with warnings for people. */
  warn: (message: string) => void;
  /** Disposes of the connections. */
  opened: AsyncDisposableStack;
}

/**
 * Opens the store, and creates missing tables, or the stream. Waits for an unreachable store if records are kept
 * meanwhile.
 *
 * @throws {Error} If it cannot be opened or prepared.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { settings } = options.config;
  const isNats = settings.sink === "nats" && options.database === undefined;
  const store = isNats ? await openStream(options) : await openTables(options);
  return {
    ...store,
    coverage: (tenant) => withUpgrade(store.coverage(tenant), tenantDirectory({ ...settings, tenant })),
  };
}

async function openTables(
  { config, database: given, isReadOnly, isKept, uses, lanes, warn, opened }: StoreOptions,
): Promise<Store> {
  const { settings, target } = config;
  let schema: string | undefined;
  const found = given ?? opened.use(await openDatabase(config));
  const readSchema = async (signal?: AbortSignal) => {
    ({ schema } = await withClient(found, (_, names) => Promise.resolve(names), signal));
  };
  // A server belongs to others; the embedded database is open to this process alone, and may be brought up to date.
  const isLeftAlone = isReadOnly && target !== undefined;
  if (isLeftAlone) await checkPrepared(found).then(() => readSchema());
  const database = isLeftAlone ? found : await openPrepared(found, {
    uses,
    warn,
    async settle(database, signal) {
      if (given !== undefined) return;
      await readSchema(signal);
      const onProblem = ({ message }: Error) => warn(message);
      await applyTimescale(database, timescaleBeside(settings.archive, settings.timescale), onProblem, {
        mostRows: MOVED_AT_START,
        signal,
      });
    },
    mayWait(error) {
      // The journal keeps records meanwhile. An embedded database is always reachable.
      if (isKept) warn(awaiting("the database", error));
      return isKept;
    },
  });
  const deadlineMs = settings.writeTimeoutMs + 2000;
  const { synchronousCommit } = settings;
  const risk = describeRisk(synchronousCommit);
  if (risk !== undefined) warn(`--synchronous-commit ${synchronousCommit}: ${risk}`);
  const most = settings.connections ?? Math.max(CONNECTIONS, lanes);
  const pool = createPool(database, Math.min(most, database.maxConnections), warn);
  const reader = crypto.randomUUID();
  if (settings.streamHours > 0) opened.use(trimNowAndThen({ pool, database }, settings.streamHours));
  return {
    name: "postgres",
    describe() {
      const place = target === undefined
        ? `the embedded database in ${resolve(settings.dataDir)}`
        : describeTarget(target);
      // The default schema of an embedded database is not shown.
      const isUsual = target === undefined && schema === DEFAULT_SCHEMA;
      return schema === undefined || isUsual ? place : `${place}, schema ${schema}`;
    },
    schema: () => schema,
    database,
    openSink: (tenant, kind, writers, loads) =>
      openSink("postgres", {
        ...{ database, pool, kind, tenant, writers, reader, loads, deadlineMs, warn, synchronousCommit },
        logs: settings.streamHours > 0,
      }),
    reads: (tenant) =>
      noteHistoryReads({
        tenant,
        reader,
        run: (work, signal) => borrow({ pool, database }, tenant, work, withinMs(deadlineMs, signal)),
      }),
    loads: (tenant) =>
      recordLoads({
        tenant,
        run: (work, signal) => borrow({ pool, database }, tenant, work, withinMs(deadlineMs, signal)),
      }),
    coverage: (tenant) =>
      keepCoverageInDatabase({
        tenant,
        writer: writerName(settings),
        run: (work, signal) => borrow({ pool, database }, tenant, work, withinMs(deadlineMs, signal)),
      }),
    check: database.check,
    commitRisk: risk === undefined
      ? undefined
      : (signal) => borrow({ pool, database }, "health", (client) => readCommitRisk(client, synchronousCommit), signal),
    destination: (tenant, stop) => borrow({ pool, database }, tenant, readDestination, withinMs(deadlineMs, stop)),
    async newest({ tenant, provider, timeframe, isKept, stop }) {
      try {
        const read = (client: Client, names: Names) => readNewest(client, names, tenant, provider, timeframe);
        return await borrow({ pool, database }, tenant, read, withinMs(deadlineMs, stop));
      } catch (error) {
        // A feed starts all the same, and its records are kept; its coverage has its position.
        if (isKept && classifyDatabaseError(error) !== "poison") return new Map();
        throw error;
      }
    },
  };
}

/** Trims the log of streams now and then. One that fails is tried again: nothing depends on it but space. */
function trimNowAndThen(lent: { pool: Pool; database: Database }, hours: number): Disposable {
  const stop = new AbortController();
  const timer = setInterval(() => {
    const trim = (client: Client, names: Names) => trimStreamLog(client, names, hours);
    borrow(lent, "stream log", trim, withinMs(TRIM_EVERY_MS, stop.signal)).catch(() => {});
  }, TRIM_EVERY_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      stop.abort();
    },
  };
}

async function openStream({ config, isKept, warn, opened }: StoreOptions): Promise<Store> {
  const { settings } = config;
  const nats = opened.use(
    await openPreparedNats(settings, "barline sink", (error) => {
      if (isKept) warn(awaiting("NATS", error));
      return isKept;
    }),
  );
  const shards = settings.natsShards;
  return {
    name: "nats",
    describe: () => `the stream ${settings.natsStream} at ${nats.label}`,
    openSink: (tenant, kind) => openSink("nats", { nats, kind, tenant, shards, deadlineMs: settings.writeTimeoutMs }),
    coverage: (tenant) =>
      isClustered(settings)
        ? keepCoverageInNats({
          nats,
          cluster: clusterOf({ ...settings, tenant }),
          replicas: settings.natsReplicas,
          timeoutMs: settings.writeTimeoutMs,
          writer: writerName(settings),
        })
        : keepCoverageInFiles({
          dataDir: tenantDirectory({ ...settings, tenant }),
          warn,
          stream: () => readCreation(nats, settings.natsStream),
        }),
    check: (signal) => checkNats(nats, signal),
    newest: () => Promise.resolve(new Map()),
  };
}

const awaiting = (what: string, error: Error) =>
  `${what} cannot be reached yet, and records are kept here until it can: ${error.message}`;
