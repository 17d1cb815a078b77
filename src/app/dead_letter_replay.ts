/**
 * Replays dead letters through a separate pipeline, and removes exactly those whose records are stored.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import { type App, openApp, type Store, type Tenant, type TenantOptions } from "./app.ts";
import type { ReceiveTimes } from "./receive_times.ts";
import { openTenant, type TenantOutcome } from "./tenant.ts";
import type { Config } from "../config/load.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import { type HeldLetters, holdLetters, LettersHeldError, readLetters } from "../dead_letters/directory.ts";
import { deadLetterDirectory, listLetterFiles, readLines } from "../dead_letters/files.ts";
import type { LetterFilter } from "../dead_letters/filter.ts";
import { DEFAULT_MAX_REPLAYS, type Refusal, replaysOf } from "../dead_letters/letter.ts";
import { createReceiptWriter, type LocatedLetter, type ReceiptWriter } from "../dead_letters/receipts.ts";
import type { DeadLetters } from "../dead_letters/write.ts";
import type { Listener } from "../events.ts";
import { createLetterProvider, createLetterReader, findFaults, isReplayable } from "../providers/dead_letters.ts";
import { recordKinds } from "../records/mod.ts";

/** Options of {@linkcode replayLetters}. */
export interface ReplayOptions {
  readonly config: Config;
  /** Used instead of opening a store; stays open. */
  readonly store?: Store;
  /** Gives receive times to records without any, if the store is given. */
  readonly times?: ReceiveTimes;
  readonly matches: LetterFilter;
  /** Most letters. @default {Infinity} */
  readonly limit?: number;
  /** Letters replayed and refused this often are left out. */
  readonly maxReplays: number;
  readonly listeners?: readonly Listener[];
  /** Called before the replay runs, to allow stopping it. */
  readonly onStart?: (replaying: Replaying) => Disposable | undefined;
}

/** A replay in progress. */
export type Replaying = Pick<App, "stop" | "abort">;

/** Result of a replay. */
export interface ReplayReport {
  readonly outcome: TenantOutcome;
  /** Whether all chosen letters have been read. */
  readonly isComplete: boolean;
  /** Letters that are stored now, and removed. */
  readonly removed: number;
  /** Letters that were refused again, and stay. */
  readonly refused: number;
  /** Letters that match, but are left out, as they were refused too often. */
  readonly overCap: number;
  /** Count of each reason, without particulars. */
  readonly reasons: ReadonlyMap<string, number>;
}

/** Preview of a replay, without asking the store. */
export interface ReplayPreview {
  readonly letters: number;
  readonly records: number;
  /** Records that the validation would refuse again. */
  readonly unsound: number;
  readonly overCap: number;
  readonly reasons: ReadonlyMap<string, number>;
}

/**
 * Replays the letters that match.
 *
 * A letter gets its receipt, on disk, as soon as its records are committed or refused again; the files are rewritten at
 * the end. A killed replay resumes on the next run: letters with a receipt are not sent again. A kill between a commit
 * and its receipt, which takes milliseconds, sends a letter twice. That changes nothing: records keep their time of
 * receipt, and the sink is idempotent.
 *
 * @throws {Error} If another process changes the letters, the database cannot be opened, or receipts cannot be written.
 */
export async function replayLetters(options: ReplayOptions): Promise<ReplayReport> {
  const { config } = options;
  using held = await holdLetters(deadLetterDirectory(tenantDirectory(config.settings)));
  const receipts = createReceiptWriter();
  const choice = chooseLetters(options);
  const tally = createTally(receipts);
  const letters = createLetterProvider(choice.letters, createLetterReader(config.settings), tally.settled);
  let outcome: TenantOutcome;
  {
    const tenant: TenantOptions = {
      // The limit counts letters here, not records.
      config: { ...config, settings: { ...config.settings, limit: undefined, journal: "off", feedbackUrl: undefined } },
      kinds: Object.keys(recordKinds),
      listeners: options.listeners ?? [],
      providers: [letters],
      deadLetters: tally.deadLetters,
    };
    await using replaying = options.store === undefined
      ? await openApp({ config, tenants: [tenant] })
      : await openTenant({ store: options.store, times: options.times }, tenant);
    using _stopping = options.onStart?.(replaying);
    outcome = await replaying.run();
  }
  await finish(receipts, held);
  return { outcome, isComplete: letters.isComplete!(), ...tally.read(), overCap: choice.overCap() };
}

/** Previews {@linkcode replayLetters}. */
export async function previewReplay(options: ReplayOptions): Promise<ReplayPreview> {
  const choice = chooseLetters(options);
  const read = createLetterReader(options.config.settings);
  const reasons = createReasons();
  let letters = 0;
  let records = 0;
  let unsound = 0;
  for await (const { letter } of choice.letters()) {
    letters++;
    records += letter.items.length;
    const faults = findFaults(letter, read, Date.now());
    unsound += faults.length;
    for (const fault of faults) reasons.add(fault);
  }
  return { letters, records, unsound, overCap: choice.overCap(), reasons: reasons.counts };
}

/** Causes of a run, not of the record: the run was stopped, or could not write at all. */
const CAUSES_OF_RUNS: readonly string[] = ["aborted", "fatal"];
/** Longest time of the replay at a start, in milliseconds, since live feeds wait for it. */
const START_REPLAY_MS = 30_000;

/**
 * Replays letters of earlier runs of a tenant whose records were not at fault, before its own run and through its
 * store. Letters not stored after {@linkcode START_REPLAY_MS} or a stop of the tenant stay for the next run.
 *
 * @returns The report; `undefined` if there is nothing to replay, or another process replays.
 */
export async function replayAtStart(
  store: Store,
  { config, stopping, times }: Tenant,
): Promise<ReplayReport | undefined> {
  const matches: LetterFilter = ({ letter }) => CAUSES_OF_RUNS.includes(letter.metadata.cause);
  if (!await mayHaveSuch(deadLetterDirectory(tenantDirectory(config.settings)))) return undefined;
  try {
    return await replayLetters({
      config,
      store,
      times,
      matches,
      maxReplays: DEFAULT_MAX_REPLAYS,
      onStart(replaying) {
        const ends = new DisposableStack();
        const timer = setTimeout(() => replaying.abort(new Error("not stored in time")), START_REPLAY_MS);
        ends.defer(() => clearTimeout(timer));
        ends.use(stopWith(stopping, replaying));
        return ends;
      },
    });
  } catch (error) {
    if (error instanceof LettersHeldError) return undefined;
    throw error;
  }
}

/** Stops a replay when `signal` aborts, until it is disposed of. */
export function stopWith(signal: AbortSignal, replaying: Replaying): Disposable {
  return onAbort(signal, replaying.stop);
}

/** Whether there may be such a letter. Looks at text alone, since most of millions of letters have another cause. */
async function mayHaveSuch(directory: string): Promise<boolean> {
  const marks = CAUSES_OF_RUNS.map((cause) => `"cause":"${cause}"`);
  for (const path of await listLetterFiles(directory)) {
    for await (const text of readLines(path)) if (marks.some((mark) => text.includes(mark))) return true;
  }
  return false;
}

async function finish(receipts: ReceiptWriter, held: HeldLetters): Promise<void> {
  try {
    await receipts.flush();
  } finally {
    // Letters with a receipt are removed, even if the rest has failed.
    await held.settle();
  }
}

/** The letters to replay, up to the limit, and the number left out by the cap. */
function chooseLetters({ config, matches, limit = Infinity, maxReplays }: ReplayOptions) {
  let overCap = 0;
  return {
    overCap: () => overCap,
    async *letters(): AsyncGenerator<LocatedLetter> {
      let chosen = 0;
      for await (const located of readLetters(deadLetterDirectory(tenantDirectory(config.settings)))) {
        if (chosen >= limit) return;
        if (!matches(located) || !isReplayable(located.letter)) continue;
        if (replaysOf(located.letter) >= maxReplays) {
          overCap++;
          continue;
        }
        chosen++;
        yield located;
      }
    },
  };
}

/** Follows each letter to its end, and gives receipts. */
function createTally(receipts: ReceiptWriter) {
  /** Refusals of letters in flight, by `file:line`. */
  const refusals = new Map<string, Refusal>();
  const reasons = createReasons();
  let removed = 0;
  let refused = 0;
  return {
    read: () => ({ removed, refused, reasons: reasons.counts }),
    settled(located: LocatedLetter) {
      const place = `${located.path}:${located.line}`;
      const refusal = refusals.get(place);
      refusals.delete(place);
      if (refusal === undefined) {
        removed++;
        return receipts.note(located);
      }
      refused++;
      // A fault of the set-up or a stop says nothing about the record, so it does not count as a replay.
      if (refusal.cause === "invalid" || refusal.cause === "refused") receipts.note(located, refusal);
    },
    // A letter that is refused again stays in its file, and needs no new one.
    deadLetters: (emit: Listener): DeadLetters => ({
      write(letters) {
        for (const { location, kind, cause, reason, sqlstate, attempts } of letters) {
          refusals.set(location!, { cause, reason, sqlstate, attempts });
          reasons.add(reason);
          emit({ type: "dead-lettered", kind, cause, count: 1, reason });
        }
        return Promise.resolve();
      },
    }),
  };
}

/** Most reasons counted separately: their number has no bound. */
const MAX_REASONS = 100;

function createReasons() {
  const counts = new Map<string, number>();
  return {
    counts,
    add(reason: string) {
      const name = reason.split(": ", 1)[0];
      const key = counts.has(name) || counts.size < MAX_REASONS ? name : "(others)";
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
  };
}
