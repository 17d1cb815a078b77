/**
 * Dead letters over HTTP: shown, replayed and purged as by `barline dlq`.
 *
 * @module
 */
import type { Store } from "../../app/app.ts";
import type { Config } from "../../config/load.ts";
import { tenantDirectory } from "../../storage/data_dir.ts";
import { DEFAULT_MAX_REPLAYS } from "../../dead_letters/letter.ts";
import { replayLetters, stopWith } from "../../app/dead_letter_replay.ts";
import { holdLetters, LettersHeldError, readLetters } from "../../dead_letters/directory.ts";
import { deadLetterDirectory } from "../../dead_letters/files.ts";
import { FILTER_FIELDS, type LetterFilter, parseFilter } from "../../dead_letters/filter.ts";
import { groupLetters, type LetterGroup } from "../../dead_letters/group.ts";
import type { StoredLetter } from "../../dead_letters/letter.ts";
import { purgeLetters } from "../../dead_letters/purge.ts";
import { logEvents, loggerOf } from "../../telemetry/log_events.ts";
import { RequestError } from "../body.ts";

/** The dead letters of a running program. */
export interface DeadLetterApi {
  /** Counts by reason, SQLSTATE and provider, largest first. */
  groups(): Promise<{ groups: LetterGroup[] }>;
  /**
   * The oldest letters that match `field=text` conditions of the query: `limit` at most, and no more than fit an answer of a
   * few megabytes. `more` says whether others match.
   */
  letters(query: URLSearchParams): Promise<{ letters: StoredLetter[]; more: boolean }>;
  /**
   * Replays the letters that `where` of the body names, an object of conditions. `force` also sends those that come back
   * for ever.
   *
   * @throws {RequestError} If the body is wrong, another process holds the letters, or nothing may be written (409).
   */
  replay(body: Record<string, unknown>): Promise<ReplayAnswer>;
  /**
   * Removes the letters that `where` of the body names, for good.
   *
   * @throws {RequestError} As above.
   */
  purge(body: Record<string, unknown>): Promise<{ purged: number }>;
  /** Resolves when no replay is in progress. */
  finished(): Promise<void>;
}

/** Result of a replay. */
export interface ReplayAnswer {
  readonly replayed: number;
  readonly refused: number;
  /** Letters left out, as they were refused too often. */
  readonly skipped: number;
  /** Count of each reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** Default and largest number of letters shown. */
const SHOWN = 20;
const MAX_SHOWN = 1000;
/** Most characters of an answer. A single letter may be longer: letters of a megabyte are possible. */
const MAX_SHOWN_LENGTH = 2_000_000;

/** A count that took less than a tenth of this, in milliseconds, is repeated for each request. */
const SOON_MS = 100;
/** Share of the time that may go into counting letters: of millions it takes seconds, and pages ask again and again. */
const COUNTING_SHARE = 0.1;

/**
 * Makes the API of a tenant's letters; when `stop` aborts, a replay in progress ends. Without a store to write into, it
 * refuses to replay.
 */
export function createDeadLetterApi(store: Store | undefined, config: Config, stop: AbortSignal): DeadLetterApi {
  const directory = deadLetterDirectory(tenantDirectory(config.settings));
  let replaying: Promise<unknown> = Promise.resolve();
  let counted: Promise<LetterGroup[]> | undefined;

  /** Counts again, and drops the count when it is due again. */
  async function count(): Promise<LetterGroup[]> {
    const started = performance.now();
    try {
      return await groupLetters(readLetters(directory), () => true, ["reason", "sqlstate", "provider"]);
    } finally {
      const pauseMs = (performance.now() - started) / COUNTING_SHARE;
      if (pauseMs < SOON_MS) counted = undefined;
      else Deno.unrefTimer(setTimeout(() => counted = undefined, pauseMs));
    }
  }

  return {
    groups: async () => ({ groups: await (counted ??= count()) }),
    async letters(query) {
      const limit = Math.min(Math.max(1, Math.trunc(Number(query.get("limit") ?? SHOWN)) || SHOWN), MAX_SHOWN);
      const where = Object.fromEntries([...query].filter(([name]) => FILTER_FIELDS.includes(name)));
      const matches = parseFilter({ where });
      const letters: StoredLetter[] = [];
      let length = 0;
      for await (const located of readLetters(directory)) {
        if (!matches(located)) continue;
        length += located.text.length;
        if (letters.length >= limit || letters.length > 0 && length > MAX_SHOWN_LENGTH) return { letters, more: true };
        letters.push(located.letter);
      }
      return { letters, more: false };
    },
    async replay(body) {
      const matches = readWhere(body);
      if (store === undefined) {
        throw new RequestError("Cannot replay: barline serve only reads. End it and run barline dlq replay", 409);
      }
      const replay = unlessHeld(() =>
        replayLetters({
          config,
          matches,
          store,
          maxReplays: body.force === true ? Infinity : DEFAULT_MAX_REPLAYS,
          listeners: [logEvents({ log: loggerOf(config.settings.tenant) })],
          onStart: (replaying) => stopWith(stop, replaying),
        })
      );
      replaying = Promise.allSettled([replaying, replay]);
      counted = undefined;
      const { removed, refused, overCap, reasons } = await replay;
      counted = undefined;
      return { replayed: removed, refused, skipped: overCap, reasons: Object.fromEntries(reasons) };
    },
    async purge(body) {
      const matches = readWhere(body);
      return await unlessHeld(async () => {
        using held = await holdLetters(directory);
        const purged = await purgeLetters(held, matches);
        counted = undefined;
        return { purged };
      });
    },
    finished: async () => void await replaying,
  };
}

/**
 * The letters chosen by a body. A body without `where` may be a mistake, and all letters are many, so `{}` is required.
 */
function readWhere({ where }: Record<string, unknown>): LetterFilter {
  const isObject = typeof where === "object" && where !== null &&
    Object.values(where).every((value) => typeof value === "string");
  if (!isObject) {
    throw new RequestError(
      'Cannot choose letters: expected {"where": {…}} with texts for any of ' + FILTER_FIELDS.join(", "),
    );
  }
  try {
    return parseFilter({ where: where as Record<string, string> });
  } catch (error) {
    throw error instanceof RangeError ? new RequestError(error.message) : error;
  }
}

async function unlessHeld<T>(fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    throw error instanceof LettersHeldError ? new RequestError(error.message, 409) : error;
  }
}
