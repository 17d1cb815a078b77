/**
 * The interface of providers: they open streams of frames.
 *
 * @module
 */
import type { Calendar } from "../calendar/mod.ts";
import type { SeriesCoverage } from "../coverage/coverage.ts";
import type { CoverageStore } from "../coverage/store.ts";
import type { HistoryReads } from "../database/history_reads.ts";
import type { Destination } from "../database/destination.ts";
import type { Listener } from "../events.ts";
import type { GivenFormat } from "../files/plan_file.ts";
import type { TokenBucket } from "../pipeline/rate.ts";
import type { NatsSettings } from "../config/nats.ts";
import type { SharedConnections } from "./live/sharing.ts";
import type { RefuseLimit } from "./replay/refusals.ts";
import type { TimeUnit } from "../records/time.ts";
import type { Frame } from "../records/frame.ts";
import type { Interval } from "../records/intervals.ts";
import type { RecordKind } from "../records/kind.ts";
import type { ReceiveClock } from "../records/record.ts";

/** A class of traded instruments. */
export type AssetClass = "stocks" | "tokenised stocks" | "crypto" | "currencies" | "indices" | "futures";

/** A provider before a run configures it, as the rest of the program knows it by name. */
export interface ProviderDeclaration {
  /**
   * Creates the provider.
   *
   * @throws {SettingError} If a setting is not valid.
   * @throws {AggregateError} If several are not valid, with a `SettingError` for each.
   */
  create(settings: ProviderSettings): Provider;
  /**
   * The calendar of a symbol's market; `undefined` if unknown. Then the market may be open, and may be closed, at any
   * time.
   */
  calendar(symbol: string): Calendar | undefined;
  /** How late bars are on the cheapest plan, in milliseconds. */
  readonly delayMs: number;
  /** The limit of its connections: `open` allows several, `single` only one an account, which tenants share. */
  readonly account: "open" | "single";
  /** Asset classes of the provider; `"any"` if files or other instances decide. */
  readonly assets: readonly AssetClass[] | "any";
  /** How far its history goes back, for people; `undefined` without one: then a file or a stream is all its past. */
  readonly history: string | undefined;
  /** Examples of its symbols, for people. @default {"A,B"} */
  readonly exampleSymbols?: string;
  /** Variables that hold its keys. @default {none, as it needs no key} */
  readonly keys?: readonly string[];
}

/** The user's settings for a provider. */
export interface ProviderSettings {
  /** Kinds of records to deliver; at least one. */
  readonly kinds: readonly RecordKind[];
  readonly symbols: readonly string[];
  /** Symbols that the user named, if any: no others are read from files. @default {all} */
  readonly onlySymbols?: readonly string[];
  readonly timeframe: string;
  /** Paths and globs, or `-`. */
  readonly file: readonly string[];
  /** Provider that records of files are stored under. @default {"replay"} */
  readonly fileProvider?: string;
  readonly timeUnit: TimeUnit;
  /** Format of the files, as far as the user gave it. */
  readonly format?: GivenFormat;
  /**
   * Limit of refused records after which a file is abandoned. @default {no limit, and no failure when all are refused}
   */
  readonly refuseLimit?: RefuseLimit;
  /** Playback speed as a multiple of real time; `undefined` is the provider's own pace. */
  readonly speed?: number | "max";
  /** Continue after the last run's committed records. */
  readonly resume: boolean;
  /** Wait for additions to files. @default {false} */
  readonly follow?: boolean;
  /** Most records to use: a hint not to read more than needed. */
  readonly limit?: number;
  /** The tenant of the records. */
  readonly tenant: string;
  /** Directory of the tenant, for state between runs. */
  readonly dataDir: string;
  /** Only history is read: any timeframe of history is allowed, also one that cannot be streamed. */
  readonly isPast?: boolean;
  /** Interval of polling records that are not streamed, in seconds. */
  readonly pollSeconds: number;
  /** Deliver forming bars, too, marked as such. */
  readonly provisional: boolean;
  /** The share of a feed's requests for history for repairs that are not urgent, from 0 to 1. @default {0.1} */
  readonly repairShare?: number;
  /** Whether history is asked about missing bars of symbols that trade rarely. @default {"on"} */
  readonly sweep?: "on" | "off";
  /** Most requests for repairs a day. @default {Infinity} */
  readonly repairRequests?: number;
  /** How far back repairs reach, in days. @default {30} */
  readonly repairDays?: number;
  /** Address and login of NATS; absent if NATS is not configured. */
  readonly nats?: () => NatsSettings;
  /** Reads an environment variable, or one of `.env`: keys and addresses. */
  readonly variable: (name: string) => string | undefined;
}

/**
 * Settings are not valid for a provider; `option` names the one to change: an option, or a variable like
 * `ALPACA_API_KEY`.
 */
export class SettingError extends RangeError {
  override name = "SettingError";
  /** Creates the error. */
  constructor(
    readonly option: Exclude<keyof ProviderSettings, "kinds" | "nats" | "variable"> | "kind" | Uppercase<string>,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The environment of an open provider. */
export interface ProviderContext {
  /** The kind to deliver, for a provider that is opened once for each of its {@linkcode Provider.kinds}. */
  readonly kind?: string;
  /** Aborts when the pipeline stops: the provider fetches no more, hands over its records, and closes its stream. */
  readonly stop: AbortSignal;
  /** Gives the receive times of records. */
  readonly clock: ReceiveClock;
  /** Waits until that many records may be sent; ends early when the pipeline stops. */
  readonly pace: (count: number) => Promise<void>;
  /** Warns the operator once, for instance of a refused symbol or a changed file. */
  readonly warn: (message: string) => void;
  /** Emits an event to the pipeline's listeners. */
  readonly emit: Listener;
  /**
   * Records that these files are loaded, before they are read: from then on the clock gives times of the load. Paths,
   * or `-`. Absent if loads are not recorded.
   */
  readonly beginLoad?: (paths: readonly string[]) => Promise<void>;
  /** Start of the newest stored record of each of the provider's symbols at a timeframe, in epoch ms. */
  readonly newest: (timeframe: string) => Promise<ReadonlyMap<string, number>>;
  /** Connections that tenants share; absent with one tenant. */
  readonly connections?: SharedConnections;
  /** Identity of the database for the records, and its position. Absent if that cannot be known. */
  readonly destination?: () => Promise<Destination>;
  /** Coverage of the tenant's series from earlier runs and other processes. Absent without a store. */
  readonly coverage?: CoverageStore;
  /** Records reads of history, so that other processes see them. Absent without a database. */
  readonly reads?: HistoryReads;
  /**
   * Resolves when all bars now in the journal have left it: with whether the store has all of them. Absent without a
   * journal.
   *
   * @throws The signal's reason.
   */
  readonly drained?: (signal: AbortSignal) => Promise<boolean>;
  /** Coverage of the other members of a failover group, by this provider's own symbols; absent without any. */
  readonly peers?: () => Promise<ReadonlyMap<string, readonly SeriesCoverage[]>>;
  /** The context of another provider that this one runs. @default {this one} */
  readonly as?: (name: string) => ProviderContext;
}

/** A source of frames. */
export interface Provider {
  /** Name in the registry, in metrics and in the rows. */
  readonly name: string;
  /** Providers that it runs; its rows have their names. */
  readonly members?: readonly Provider[];
  /** Records a second that the provider asks to be paced at; `undefined` means as fast as possible. */
  readonly rate?: number;
  /** Pace of its requests for history: slowed down while the pipeline is under pressure. */
  readonly buckets?: readonly TokenBucket[];
  /** Kinds that it can deliver independently: it is opened once for each, so that none waits for another. */
  readonly kinds?: readonly string[];
  /** Whether it reads files, and begins a load of them. */
  readonly readsFiles?: true;
  /** Whether it is a live feed: it cannot wait, and missed records may be lost. */
  readonly isLive?: true;
  /** Whether it reads a history, while a live feed may write the same series. */
  readonly readsHistory?: true;
  /** Whether it delivers unsettled records again: its frames pass no journal, in any mode. */
  readonly keepsUnsettled?: true;
  /**
   * Everything that it was created from, keys included: another with the same name and fingerprint is equivalent. Never
   * shown.
   */
  readonly fingerprint?: string;
  /** Its connection: the account, never shown, and the variant of the stream. Tenants with the same share one. */
  readonly connection?: { readonly account: string; readonly variant: string };
  /** Symbols that it streams, if they are known beforehand. */
  readonly symbols?: readonly string[];
  /** Whether it has delivered all its records. Absent for an endless provider. */
  isComplete?(): boolean;
  /** Deliveries of other providers through this one, by their names, which the rows have. */
  delivered?(): ReadonlyMap<string, Delivered>;
  /**
   * Checks its input before anything is created.
   *
   * @throws {Error} If the input cannot be read.
   */
  check?(): Promise<void>;
  /** Its progress, if the end is known. */
  progress?(): Progress | undefined;
  /**
   * Opens the stream. It is read by demand and does not run ahead of it by more than a frame. Cancelling it releases
   * everything that it holds.
   */
  open(context: ProviderContext): ReadableStream<Frame>;
  /** Creates a provider of the history of the same symbols, which ends with the range. Absent without a history. */
  backfill?(range: HistoryRange): Provider;
  /** Its coverage of each symbol so far. Absent without coverage. */
  coverage?(): ReadonlyMap<string, SeriesCoverage>;
  /** Called at the end of the run, when every frame is settled or given up: saves state for the next run. */
  close?(): Promise<void>;
}

/** Deliveries of one provider through another. */
export interface Delivered {
  /** Some of its symbols. */
  readonly symbols: ReadonlySet<string>;
  /** The shortest length of its bars. */
  readonly timeframe: string;
  /** When a message was last stored, in epoch milliseconds; before that, when the first came. */
  readonly settledAt: number;
}

/** The range of history to read. */
export interface HistoryRange {
  /** Start of the first bar, in epoch ms. */
  readonly from: number;
  /** Bars start before it, in epoch ms. */
  readonly to: number;
  /** Read confirmed ranges, too. */
  readonly restart: boolean;
  /** Read only these intervals of these symbols, between stored bars, confirmed or not, in this order. */
  readonly only?: ReadonlyMap<string, readonly Interval[]>;
  /** Called with an interval of a symbol that the account may not read, and the reason. */
  readonly onDenied?: (symbol: string, interval: Interval, reason: string) => void;
}

/** The progress of a provider of known length, in its own unit. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}
