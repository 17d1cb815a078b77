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

/** A sort of things that are traded. */
export type AssetClass = "stocks" | "tokenised stocks" | "crypto" | "currencies" | "indices" | "futures";

/** A provider before a run configures it: all that the rest of the program knows of it by name. */
export interface ProviderDeclaration {
  /**
   * Makes the provider.
   *
   * @throws {SettingError} If a setting does not do.
   * @throws {AggregateError} If several do not do, with a `SettingError` of each.
   */
  create(settings: ProviderSettings): Provider;
  /**
   * The calendar of a symbol's market; `undefined` where none is known. Then a market must be taken to be open at any time,
   * and to be closed at any time.
   */
  calendar(symbol: string): Calendar | undefined;
  /** How late bars are on the cheapest plan, in milliseconds. */
  readonly delayMs: number;
  /**
   * Whose connections it takes: `open` are those that anybody may have several of, `single` is the one that an account has
   * and tenants share.
   */
  readonly account: "open" | "single";
  /** Asset classes that it has; `"any"` where files or other instances decide. */
  readonly assets: readonly AssetClass[] | "any";
  /** How far its history goes back, for people; `undefined` where it has none: a file or a stream is all its past. */
  readonly history: string | undefined;
  /** Symbols as it spells them, for people. @default {"A,B"} */
  readonly exampleSymbols?: string;
  /** Variables that hold its keys. @default {none: it needs no key} */
  readonly keys?: readonly string[];
}

/** The user's settings for a provider. */
export interface ProviderSettings {
  /** Kinds of records to give; at least one. */
  readonly kinds: readonly RecordKind[];
  readonly symbols: readonly string[];
  /** Symbols that were asked for, where they were: of files no others are read. @default {all} */
  readonly onlySymbols?: readonly string[];
  readonly timeframe: string;
  /** Paths and globs, or `-`. */
  readonly file: readonly string[];
  /** Provider that records of files are stored under. @default {"replay"} */
  readonly fileProvider?: string;
  readonly timeUnit: TimeUnit;
  /** How files write their bars, as far as it was said. */
  readonly format?: GivenFormat;
  /** When to leave a file with too many refused records. @default {never, nor does a file fail when all are refused} */
  readonly refuseLimit?: RefuseLimit;
  /** How many times real time to play at; `undefined` is the provider's own way. */
  readonly speed?: number | "max";
  /** Go on where the last run's committed records ended. */
  readonly resume: boolean;
  /** Wait for what is added to files. @default {false} */
  readonly follow?: boolean;
  /** Most records to use: a hint not to read more than needed. */
  readonly limit?: number;
  /** Whose records they are. */
  readonly tenant: string;
  /** Directory of the tenant, for what must be remembered between runs. */
  readonly dataDir: string;
  /** Only the past is read: any timeframe of history is allowed, also one that cannot be streamed. */
  readonly isPast?: boolean;
  /** How often to ask for what is not streamed, in seconds. */
  readonly pollSeconds: number;
  /** Hand over forming bars too, marked as such. */
  readonly provisional: boolean;
  /** The part of a feed's requests for history that repairs take which are not urgent, from 0 to 1. @default {0.1} */
  readonly repairShare?: number;
  /** Whether history is asked about missing bars of symbols that trade rarely. @default {"on"} */
  readonly sweep?: "on" | "off";
  /** Most requests for repairs a day. @default {Infinity} */
  readonly repairRequests?: number;
  /** How far back repairs reach, in days. @default {30} */
  readonly repairDays?: number;
  /** Address and login of NATS; absent where NATS is not configured. */
  readonly nats?: () => NatsSettings;
  /** Reads an environment variable, or one of `.env`: keys and addresses. */
  readonly variable: (name: string) => string | undefined;
}

/** The settings do not do for a provider; `option` names the one to change: an option, or a variable like `ALPACA_API_KEY`. */
export class SettingError extends RangeError {
  override name = "SettingError";
  /** Makes the error. */
  constructor(
    readonly option: Exclude<keyof ProviderSettings, "kinds" | "nats" | "variable"> | "kind" | Uppercase<string>,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The surroundings of an open provider. */
export interface ProviderContext {
  /** The one kind to give, of a provider whose {@linkcode Provider.kinds} are opened each on their own. */
  readonly kind?: string;
  /** Aborts when the pipeline stops: the provider fetches no more, hands over what it has, and closes its stream. */
  readonly stop: AbortSignal;
  /** Gives the receive times of records. */
  readonly clock: ReceiveClock;
  /** Waits until that many records may be sent; ends early when the pipeline stops. */
  readonly pace: (count: number) => Promise<void>;
  /** Warns the operator once: of a refused symbol, of a file that has changed. */
  readonly warn: (message: string) => void;
  /** Emits an event to the pipeline's listeners. */
  readonly emit: Listener;
  /**
   * Records that these files are loaded, before anything is read of them: the clock gives times of the load from then on.
   * Paths, or `-`. Absent where nothing is recorded.
   */
  readonly beginLoad?: (paths: readonly string[]) => Promise<void>;
  /** Start of the newest stored record of each of the provider's symbols at a timeframe, in epoch ms. */
  readonly newest: (timeframe: string) => Promise<ReadonlyMap<string, number>>;
  /** Connections that tenants share; absent where there is but one. */
  readonly connections?: SharedConnections;
  /** Which database the records go to, and how far it has come. Absent where that cannot be known. */
  readonly destination?: () => Promise<Destination>;
  /** Coverage of the tenant's series from earlier runs and other processes. Absent without a store. */
  readonly coverage?: CoverageStore;
  /** Notes reads of history, so that other processes see them. Absent without a database. */
  readonly reads?: HistoryReads;
  /**
   * Resolves when the journal has nothing more of the bars that lie in it now: with whether the store has all of them. Absent
   * where there is no journal.
   *
   * @throws The signal's reason.
   */
  readonly drained?: (signal: AbortSignal) => Promise<boolean>;
  /** Coverage of the providers that this one stands in for, by its own symbols; absent without any. */
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
  /** Records a second that it wants to be paced at; `undefined` is as fast as can be. */
  readonly rate?: number;
  /** Pace of its requests for history: slowed down while the pipeline is under pressure. */
  readonly buckets?: readonly TokenBucket[];
  /** Kinds that it can give at a pace of their own: then it is opened once for each, so that none waits for another. */
  readonly kinds?: readonly string[];
  /** Whether it reads files, and begins a load of them. */
  readonly readsFiles?: true;
  /** Whether it is a live feed: it cannot be held back, and what is missed may be gone. */
  readonly isLive?: true;
  /** Whether it reads a history, while a live feed may write the same series. */
  readonly readsHistory?: true;
  /** Whether it delivers unsettled records again: its frames pass no journal, in any mode. */
  readonly keepsUnsettled?: true;
  /**
   * All that it was made of, keys too: another of the same name and fingerprint would do the same. Never to be shown.
   */
  readonly fingerprint?: string;
  /** Its connection: the account, never to be shown, and the variant of the stream. Tenants with the same share one. */
  readonly connection?: { readonly account: string; readonly variant: string };
  /** Symbols that it streams, where they are known beforehand. */
  readonly symbols?: readonly string[];
  /** Whether it has handed over all that there is. Absent where there is no end. */
  isComplete?(): boolean;
  /** Deliveries of other providers through this one, by their names, which the rows have. */
  delivered?(): ReadonlyMap<string, Delivered>;
  /**
   * Looks at what it is to read, before anything is made for it.
   *
   * @throws {Error} If nothing can come of it.
   */
  check?(): Promise<void>;
  /** How far it has come, where the end is known. */
  progress?(): Progress | undefined;
  /**
   * Opens the stream. It is read by demand and does not run ahead of it by more than a frame. Cancelling it releases
   * everything it holds.
   */
  open(context: ProviderContext): ReadableStream<Frame>;
  /** Gives a provider of the past of the same symbols, which ends where the range does. Absent where there is no history. */
  backfill?(range: HistoryRange): Provider;
  /** Its coverage of each symbol so far. Absent where it keeps none. */
  coverage?(): ReadonlyMap<string, SeriesCoverage>;
  /** Called at the end of the run, when every frame is settled or given up: saves what must be remembered. */
  close?(): Promise<void>;
}

/** Deliveries of one provider through another. */
export interface Delivered {
  /** Some of its symbols. */
  readonly symbols: ReadonlySet<string>;
  /** The shortest length of its bars. */
  readonly timeframe: string;
  /** When a message of it was last stored, in epoch milliseconds; when the first came, before. */
  readonly settledAt: number;
}

/** The part of the past to read. */
export interface HistoryRange {
  /** Start of the first bar, in epoch ms. */
  readonly from: number;
  /** Bars start before it, in epoch ms. */
  readonly to: number;
  /** Read what is confirmed, too. */
  readonly restart: boolean;
  /**
   * Read nothing but these intervals of these symbols, which lie between stored bars, whether they are confirmed or not, and
   * in this order.
   */
  readonly only?: ReadonlyMap<string, readonly Interval[]>;
  /** Called with an interval of a symbol that the account may not read, and the reason. */
  readonly onDenied?: (symbol: string, interval: Interval, reason: string) => void;
}

/** How far a provider of known length has come, in a unit of its own. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}
