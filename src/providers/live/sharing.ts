/**
 * Vendor connections that tenants share: one for each account, with the symbols of all tenants. Each tenant sees its
 * own symbols.
 *
 * A tenant keeps its own coverage, repairs, watch over silent symbols, and buffer. Only its feed uses the account's
 * connection instead of its own. That opens with the first tenant and closes with the last. When a tenant adds symbols
 * that the connection lacks, it is opened again. The connected tenants then learn that bars may be missing and that
 * they come again, but not of a lost connection.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { createTokenBucket, type TokenBucket } from "../../pipeline/rate.ts";
import { type Feed, type FeedBar, FeedError, type Session } from "./feed.ts";
import type { CallOutcome } from "./transport/rest.ts";

/** Creates a feed of an account for some symbols. */
export type MakeFeed = (
  symbols: readonly string[],
  onCall: (outcome: CallOutcome) => void,
  warn?: (message: string) => void,
) => Feed;

/** A tenant's request to share. */
export interface Joining {
  /** Everything that distinguishes the connection: equal for tenants that share one. Never shown. */
  readonly account: string;
  /** Its own feed, of its symbols. */
  readonly feed: Feed;
  readonly make: MakeFeed;
  readonly onCall: (outcome: CallOutcome) => void;
}

/** The connections of a run. */
export interface SharedConnections {
  /** Returns the feed to use instead of its own, until `left` is called. */
  join(joining: Joining): { readonly feed: Feed; left(): void };
}

/** Creates the connections; none is open yet. */
export function createSharedConnections(): SharedConnections {
  const accounts = new Map<string, Account>();
  return {
    join(joining) {
      let account = accounts.get(joining.account);
      if (account === undefined) {
        account = createAccount(joining.feed, () => accounts.delete(joining.account));
        accounts.set(joining.account, account);
      }
      return account.join(joining);
    },
  };
}

interface Account {
  join(joining: Joining): { readonly feed: Feed; left(): void };
}

interface Member {
  readonly symbols: ReadonlySet<string>;
  readonly joining: Joining;
  /** Its connection, while it has one. */
  connection?: { readonly session: Session; readonly refused: Set<string>; readonly end: (error: unknown) => void };
}

/** The connection of an account. */
interface Upstream {
  readonly symbols: ReadonlySet<string>;
  readonly feed: Feed;
  readonly closing: AbortController;
  readonly subscribed: Set<string>;
  readonly refused: Map<string, string>;
  /** Symbols that are not subscribed now, with the reason. */
  readonly withheld: Map<string, string>;
  readonly startedAt: number;
}

/** The reason to close a connection in order to open it with more symbols. */
const RENEWED = new FeedError("opened again for more symbols", { reason: "renewed" });
/** The reason to close a connection without users. */
const UNUSED = new FeedError("no tenant uses the connection", { reason: "unused" });
/** Waits between connections grow from the first to the last, in milliseconds. */
const BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 60_000;
/** A connection that lasted this long was healthy, in milliseconds. */
const STABLE_MS = 10_000;

/**
 * The connection of an account:
 *
 * - `idle`: closed, without a request to open it.
 * - `waiting`: one is about to be opened, after a wait if the last one failed, or the last one is being closed.
 * - `open`: it is opened or being opened, or asked to close.
 */
type Link = { readonly state: "idle" | "waiting" } | { readonly state: "open"; readonly upstream: Upstream };

function createAccount(first: Feed, onEmpty: () => void): Account {
  const members = new Set<Member>();
  /** The account's rate of requests for history, shared by all tenants. */
  const bucket: TokenBucket = createTokenBucket(first.bucket.perSecond);
  let link: Link = { state: "idle" };
  let backoff = { failures: 0, notBefore: 0 };

  const connected = () => [...members].filter(({ connection }) => connection !== undefined);
  const wanting = (symbol: string) => connected().filter(({ symbols }) => symbols.has(symbol));
  const currentUpstream = () => link.state === "open" ? link.upstream : undefined;
  const allSymbols = () => new Set([...members].flatMap(({ symbols }) => [...symbols]));

  /** Opens the connection if it is closed, or once more if it lacks symbols. */
  function ensure(): void {
    switch (link.state) {
      case "idle":
        link = { state: "waiting" };
        start();
        break;
      case "open": {
        const { symbols, closing } = link.upstream;
        if ([...allSymbols()].some((symbol) => !symbols.has(symbol))) closing.abort(RENEWED);
      }
    }
  }

  async function start(): Promise<void> {
    // Each tenant waits before it tries again; many on one connection must not make it try sooner.
    const waitMs = members.size > 1 ? backoff.notBefore - performance.now() : 0;
    if (waitMs > 0) await delay(waitMs);
    let error: unknown = RENEWED;
    while (connected().length > 0 && (error === RENEWED || error === UNUSED)) error = await run();
    link = { state: "idle" };
    for (const { connection } of connected()) connection!.end(error);
    if (members.size === 0) onEmpty();
  }

  /** Runs one connection, and returns the reason of its end. */
  async function run(): Promise<unknown> {
    const symbols = allSymbols();
    const [{ joining: { make, onCall } }] = members;
    const current: Upstream = {
      symbols,
      feed: make([...symbols], onCall),
      closing: new AbortController(),
      subscribed: new Set(),
      refused: new Map(),
      withheld: new Map(),
      startedAt: performance.now(),
    };
    link = { state: "open", upstream: current };
    let error: unknown = new FeedError("the connection ended", { reason: "closed" });
    try {
      await current.feed.connect(createDispatch(current));
    } catch (thrown) {
      error = thrown;
    }
    await current.feed.closed?.();
    if (current.closing.signal.aborted) error = current.closing.signal.reason;
    link = { state: "waiting" };
    if (error === UNUSED) return error;
    if (error === RENEWED) {
      for (const symbol of current.subscribed) for (const member of wanting(symbol)) interrupt(member, symbol);
      return error;
    }
    const failures = performance.now() - current.startedAt >= STABLE_MS ? 0 : backoff.failures;
    const waitMs = Math.random() * Math.min(BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS);
    backoff = { failures: failures + 1, notBefore: performance.now() + waitMs };
    return error;
  }

  const interrupt = ({ connection }: Member, symbol: string) => connection?.session.interrupted(symbol);

  function refuse(member: Member, symbol: string, reason: string): void {
    const { connection, symbols } = member;
    if (connection === undefined || connection.refused.has(symbol)) return;
    connection.refused.add(symbol);
    connection.session.refuse(symbol, reason);
    if (connection.refused.size < symbols.size) return;
    connection.end(new FeedError(`all symbols are refused: ${reason}`, { isFatal: true, reason: "refused" }));
  }

  /** The view of the shared connection: passes the events of symbols to their tenants. */
  function createDispatch({ closing, subscribed, refused, withheld }: Upstream): Session {
    return {
      signal: closing.signal,
      subscribed(symbol) {
        subscribed.add(symbol);
        withheld.delete(symbol);
        for (const { connection } of wanting(symbol)) connection!.session.subscribed(symbol);
      },
      interrupted(symbol) {
        subscribed.delete(symbol);
        for (const member of wanting(symbol)) interrupt(member, symbol);
      },
      doubt(symbol, from, to, reason) {
        for (const { connection } of wanting(symbol)) connection!.session.doubt(symbol, from, to, reason);
      },
      refuse(symbol, reason) {
        refused.set(symbol, reason);
        for (const member of wanting(symbol)) refuse(member, symbol, reason);
      },
      withhold(symbols, reason) {
        for (const symbol of symbols) withheld.set(symbol, reason);
        for (const { symbols: own, connection } of connected()) {
          const some = symbols.filter((symbol) => own.has(symbol));
          if (some.length > 0) connection!.session.withhold(some, reason);
        }
      },
      emit(bars) {
        for (const { symbols, connection } of connected()) {
          const own = members.size === 1 ? bars : bars.filter(({ symbol }) => symbols.has(symbol));
          if (own.length > 0) connection!.session.emit(own);
        }
      },
      reject(item, reason) {
        const all = connected();
        const symbol = symbolOf(item);
        const own = all.length <= 1 ? all : all.filter(({ symbols }) => symbol !== undefined && symbols.has(symbol));
        for (const { connection } of own) connection!.session.reject(item, reason);
        // Its owner is unknown: the first tenant rejects it, so that it is counted once.
        if (own.length === 0) all[0]?.connection?.session.reject({ raw: "(not shown: tenants share it)" }, reason);
      },
      warn(message) {
        for (const { connection } of connected()) connection!.session.warn(message);
      },
      alive(symbol, forming) {
        for (const { connection } of wanting(symbol)) connection!.session.alive(symbol, forming);
      },
      quiet(symbol, ts) {
        for (const { connection } of wanting(symbol)) connection!.session.quiet(symbol, ts);
      },
    };
  }

  function connect(member: Member, session: Session): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      const { reason } = session.signal;
      member.connection = undefined;
      // A silent feed is silent for all tenants.
      if (reason instanceof FeedError && reason.reason === "stall") currentUpstream()?.closing.abort(reason);
      else if (connected().length === 0) currentUpstream()?.closing.abort(UNUSED);
      reject(reason);
    };
    if (session.signal.aborted) {
      reject(session.signal.reason);
      return promise;
    }
    session.signal.addEventListener("abort", leave, { once: true });
    member.connection = {
      session,
      refused: new Set(),
      end(error) {
        session.signal.removeEventListener("abort", leave);
        member.connection = undefined;
        if (error === undefined) resolve();
        else reject(error);
      },
    };
    ensure();
    const upstream = currentUpstream();
    if (upstream !== undefined && !upstream.closing.signal.aborted) {
      for (const symbol of upstream.subscribed) if (member.symbols.has(symbol)) session.subscribed(symbol);
      for (const [symbol, reason] of upstream.refused) if (member.symbols.has(symbol)) refuse(member, symbol, reason);
      const withheld = upstream.withheld.entries().filter(([symbol]) => member.symbols.has(symbol));
      for (const [reason, all] of Map.groupBy(withheld, ([, reason]) => reason)) {
        session.withhold(all.map(([symbol]) => symbol), reason);
      }
    }
    return promise;
  }

  /** Makes requests in turn, at the rate that the account allows to all tenants together. */
  async function* paced(
    pages: AsyncIterable<readonly FeedBar[]>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly FeedBar[]> {
    const iterator = pages[Symbol.asyncIterator]();
    try {
      while (true) {
        // An answer may have shown one tenant that the account allows less, or a calm that it allows more again.
        bucket.perSecond = Math.min(...Array.from(members, ({ joining: { feed } }) => feed.bucket.perSecond));
        if (members.size > 1) await bucket.take(1, signal);
        const { done, value } = await iterator.next();
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  return {
    join(joining) {
      const { feed } = joining;
      const member: Member = { symbols: new Set(feed.symbols), joining };
      members.add(member);
      // History that goes through the connection is shared.
      const source = () => feed.openHistory === undefined ? feed : currentUpstream()?.feed ?? feed;
      return {
        feed: {
          name: feed.name,
          symbols: feed.symbols,
          timeframe: feed.timeframe,
          calendar: feed.calendar,
          clock: feed.clock,
          bucket: feed.bucket,
          // All tenants together keep to the share of the account.
          get repairsPerSecond() {
            return (feed.repairsPerSecond ?? feed.bucket.perSecond) / members.size;
          },
          isConfirmed: feed.isConfirmed,
          correctionMs: feed.correctionMs,
          historySymbols: feed.historySymbols,
          get historyLagMs() {
            return feed.historyLagMs;
          },
          historyStart: feed.historyStart,
          historyLacks: feed.historyLacks,
          connect: (session) => connect(member, session),
          history: (symbols, from, to, signal, onRequest) =>
            paced(source().history(symbols, from, to, signal, onRequest), signal),
        },
        left() {
          members.delete(member);
          if (members.size === 0 && link.state === "idle") onEmpty();
        },
      };
    },
  };
}

/** The symbol that a part of a message names, in the spellings of vendors. */
function symbolOf(item: unknown): string | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  const { symbol, S, sym, s } = item as Record<string, unknown>;
  return [symbol, S, sym, s].find((each) => typeof each === "string") as string | undefined;
}
