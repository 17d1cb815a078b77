/**
 * The interface of live feeds for their supervisor: how to run **one** connection, how to read history, and the meaning
 * of an error.
 *
 * @module
 */
import type { Calendar } from "../../calendar/mod.ts";
import type { DoubtReason } from "../../coverage/coverage.ts";
import type { TokenBucket } from "../../pipeline/rate.ts";
import type { FeedClock } from "./clock.ts";
import type { Bar } from "../../records/bar.ts";
import type { Interval } from "../../records/intervals.ts";

/** A bar from a feed; the supervisor adds the provider and the time of receipt. */
export type FeedBar = Omit<Bar, "provider" | "receivedAt">;

/** One connection, as the feed sees it. No method waits: a socket must be drained. */
export interface Session {
  /** Aborts to close the connection, with the reason. */
  readonly signal: AbortSignal;
  /** Reports that the symbol's bars come from now on; repeated, that earlier bars may be incomplete. */
  subscribed(symbol: string): void;
  /** Reports that bars of the symbol may be missing from now on, although the connection lives. */
  interrupted(symbol: string): void;
  /**
   * Reports that bars of the range [from, to) (epoch ms) may be missing, partial or late, although the connection
   * lives.
   */
  doubt(symbol: string, from: number, to: number, reason: DoubtReason): void;
  /** Marks a symbol as refused; the others continue. */
  refuse(symbol: string, reason: string): void;
  /** Reports that bars of these symbols do not come until they are subscribed, with the reason; the others continue. */
  withhold(symbols: readonly string[], reason: string): void;
  /** Hands over bars of one message. */
  emit(bars: readonly FeedBar[]): void;
  /** Hands over a message, or a part of one, that is not a record. */
  reject(item: unknown, reason: string): void;
  /** Warns the operator once. */
  warn(message: string): void;
  /**
   * Reports that the symbol's data flows without a bar yet; `forming` is the state of the forming bar, and only a newer
   * or changed state is a sign of life.
   */
  alive(symbol: string, forming?: FeedBar): void;
  /** Reports that the vendor sent the step that starts at `ts` as one without trades: no bar is missing there. */
  quiet(symbol: string, ts: number): void;
}

/** A source of live bars with a history. */
export interface Feed {
  readonly name: string;
  readonly symbols: readonly string[];
  readonly timeframe: string;
  /** The calendar of a symbol's market; `undefined` if unknown. @default {unknown for every symbol} */
  calendar?(symbol: string): Calendar | undefined;
  /**
   * How far history lags, in milliseconds, beyond the moments that each bar takes: younger bars are requested later. An
   * answer may raise it.
   */
  readonly historyLagMs?: number;
  /** The feed's clock. @default {a separate clock} */
  readonly clock?: FeedClock;
  /** Paces the requests for history. */
  readonly bucket: TokenBucket;
  /**
   * Rate that repairs take their share of, in requests a second, if the account allows a faster rate in an outage.
   * @default {the rate of the bucket}
   */
  readonly repairsPerSecond?: number;
  /**
   * How long after its end the vendor may correct a bar: after an interruption that much is read again. @default {0}
   */
  readonly correctionMs?: number;
  /** Runs one connection from its opening to its end; resolves or throws then. */
  connect(session: Session): Promise<void>;
  /** Most symbols that one request for history may name. @default {1} */
  readonly historySymbols?: number;
  /**
   * Finished bars that start at or after `from` and before `to` (epoch ms), page by page: a page may hold bars of any
   * of the symbols, which come in order for each. An endpoint with less history returns what it has; bars younger than
   * {@linkcode Feed.historyLagMs} are left out. A page is requested when it is pulled, so that it is current.
   *
   * @param symbols From one to {@linkcode Feed.historySymbols}.
   * @param onRequest Called before each request that is sent, repeated ones too.
   */
  history(
    symbols: readonly string[],
    from: number,
    to: number,
    signal: AbortSignal,
    onRequest?: () => void,
  ): AsyncIterable<readonly FeedBar[]>;
  /** Start of the symbol's oldest bar in history, by the last answer; `undefined` if that showed no end. */
  historyStart?(symbol: string): number | undefined;
  /**
   * Ranges without a row between rows of the newest answers about the symbol, for a history with a row for each step,
   * also without trades: a fault of the history, or a closed market. They stay in doubt. @default {none}
   */
  historyLacks?(symbol: string): readonly Interval[];
  /** Whether the stream never marks a bar as finished, so that history has to confirm each. @default {false} */
  readonly isConfirmed?: boolean;
  /** Allows reading history without a connection, until disposed of. Absent if that is always possible. */
  openHistory?(): AsyncDisposable;
  /** Waits until the last connection is cleaned up. */
  closed?(): Promise<void>;
}

/** Whether an error of history may concern only some of the requested symbols: smaller requests find them. */
export function isDivisible(error: unknown): boolean {
  return error instanceof FeedError && (error.isFatal || ["refused", "entitlement", "history"].includes(error.reason));
}

/** Whether asking again is useless: the refusal is final. */
export function isRefusal(error: unknown): boolean {
  return error instanceof FeedError && (error.isFatal || ["refused", "entitlement"].includes(error.reason));
}

/** Whether the account may not read the requested range, though it may read others, or other symbols. */
export function isDenial(error: unknown): boolean {
  return error instanceof FeedError && error.reason === "entitlement" && !error.isFatal;
}

/**
 * The reason why a connection or a request failed; a label of metrics. It decides what follows:
 *
 * - `stall`: a symbol is silent although history has its bars; a failover group changes its member.
 * - `overflow`: the pipeline is too slow; the feed connects again when it has caught up.
 * - `refused`: the request or the symbol is refused, and asking again is in vain.
 * - `entitlement`: the account may not read this; it may read others, or other times.
 * - `history`: the answer is not sound; asking for fewer symbols may help.
 * - `nightly-reset`: the vendor ends all connections at this time; no warning is needed.
 * - `renewed`, `unused`: a shared connection is opened for more symbols, or closed as no tenant uses it.
 */
export type FeedErrorReason =
  | "auth"
  | "auth_timeout"
  | "banned"
  | "client-id"
  | "closed"
  | "connect"
  | "connection"
  | "connection-limit"
  | "entitlement"
  | "error"
  | "history"
  | "max_connections"
  | "nightly-reset"
  | "overflow"
  | "port"
  | "protocol"
  | "refused"
  | "renewed"
  | "rest"
  | "server"
  | "shutdown"
  | "silence"
  | "slow"
  | "stall"
  | "unused"
  | "version";

/** An error, with the reaction to it. */
export class FeedError extends Error {
  override name = "FeedError";
  /** Trying again is useless: the provider stops. */
  readonly isFatal: boolean;
  /** Least wait before the next connection, in milliseconds. */
  readonly cooldownMs: number;
  readonly reason: FeedErrorReason;
  /** Creates an error; by default the connection is tried again after it. */
  constructor(
    message: string,
    options: ErrorOptions & { isFatal?: boolean; cooldownMs?: number; reason?: FeedErrorReason } = {},
  ) {
    super(message, options);
    this.isFatal = options.isFatal ?? false;
    this.cooldownMs = options.cooldownMs ?? 0;
    this.reason = options.reason ?? "error";
  }
}
