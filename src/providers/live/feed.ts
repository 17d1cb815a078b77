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

/** A bar as a feed gives it: when it was received and from whom is added by the supervisor. */
export type FeedBar = Omit<Bar, "provider" | "receivedAt">;

/** One connection, as the feed sees it. No method waits: a socket must be drained. */
export interface Session {
  /** Aborts when the connection is to be closed; its reason says why. */
  readonly signal: AbortSignal;
  /** Says that the symbol's bars will come from now on; said again, that what came before may be incomplete. */
  subscribed(symbol: string): void;
  /** Says that bars of the symbol may be missing from now on, although the connection lives. */
  interrupted(symbol: string): void;
  /** Says that bars of the range [from, to) (epoch ms) may be missing, partial or late, although the connection lives. */
  doubt(symbol: string, from: number, to: number, reason: DoubtReason): void;
  /** Marks a symbol as refused; the others continue. */
  refuse(symbol: string, reason: string): void;
  /** Reports that bars of these symbols do not come until they are subscribed, and the reason; the others continue. */
  withhold(symbols: readonly string[], reason: string): void;
  /** Hands over bars of one message. */
  emit(bars: readonly FeedBar[]): void;
  /** Hands over a message, or a part of one, that is no record. */
  reject(item: unknown, reason: string): void;
  /** Warns the operator once. */
  warn(message: string): void;
  /**
   * Reports that the symbol's data flows, where it has not yet made a bar; `forming` is the state of the forming bar,
   * and only a newer or changed one is a sign of life.
   */
  alive(symbol: string, forming?: FeedBar): void;
  /** Says that the vendor sent the step that starts then as one without trades: no bar is missing there. */
  quiet(symbol: string, ts: number): void;
}

/** A source of live bars with a history. */
export interface Feed {
  readonly name: string;
  readonly symbols: readonly string[];
  readonly timeframe: string;
  /** The calendar of a symbol's market; `undefined` where none is known. @default {none is known of any} */
  calendar?(symbol: string): Calendar | undefined;
  /**
   * How far history is behind, in milliseconds, beyond the moments that each takes: what is younger is asked for later. An
   * answer may show that it is more than was known before.
   */
  readonly historyLagMs?: number;
  /** The feed's clock. @default {a clock of its own} */
  readonly clock?: FeedClock;
  /** Paces the requests for history. */
  readonly bucket: TokenBucket;
  /**
   * Rate that the share of repairs which are not urgent refers to, in requests a second, where the account allows a
   * faster rate in an outage. @default {the rate of the bucket}
   */
  readonly repairsPerSecond?: number;
  /** How long after its end the vendor may correct a bar: after an interruption so much is read again. @default {0} */
  readonly correctionMs?: number;
  /** Runs one connection from its opening to its end, and resolves or throws then. */
  connect(session: Session): Promise<void>;
  /** Most symbols that one request for history may name. @default {1} */
  readonly historySymbols?: number;
  /**
   * Finished bars that start at or after `from` and before `to` (epoch ms), page by page: a page may hold bars of any of
   * the symbols, which come in order for each. An endpoint that holds less gives what it has, and what is younger than
   * {@linkcode Feed.historyLagMs} is left out. A page is asked for when it is pulled, so that it shows how things are then.
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
  /**
   * Start of the oldest bar of the symbol that history still has, as its last answer showed; `undefined` where it showed no
   * end.
   */
  historyStart?(symbol: string): number | undefined;
  /**
   * Ranges between rows of the newest answers about the symbol that have no row, where history has one for each step, also
   * without trades: a fault of the history, or a time in which the market was shut. They stay in doubt. @default {none}
   */
  historyLacks?(symbol: string): readonly Interval[];
  /** Whether the stream never says that a bar is over, so that history is to confirm each. @default {false} */
  readonly isConfirmed?: boolean;
  /** Lets history be read where no connection runs, until that is disposed of. Absent where it always can be. */
  openHistory?(): AsyncDisposable;
  /** Waits until nothing of the last connection is left. */
  closed?(): Promise<void>;
}

/** Whether an error of history may be about some of the requested symbols: smaller requests find out which. */
export function isDivisible(error: unknown): boolean {
  return error instanceof FeedError && (error.isFatal || ["refused", "entitlement", "history"].includes(error.reason));
}

/** Whether asking again is in vain: what is refused stays refused. */
export function isRefusal(error: unknown): boolean {
  return error instanceof FeedError && (error.isFatal || ["refused", "entitlement"].includes(error.reason));
}

/** Whether the account may not read what was asked for, though it may read others, or other times. */
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

/** An error with the reaction that it calls for. */
export class FeedError extends Error {
  override name = "FeedError";
  /** Trying again is in vain: the provider stops. */
  readonly isFatal: boolean;
  /** Least wait before the next connection, in milliseconds. */
  readonly cooldownMs: number;
  readonly reason: FeedErrorReason;
  /** Makes an error; by default one after which the connection is simply tried again. */
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
