/**
 * The progress of a run: a line that moves on a terminal, a line of the log now and then elsewhere.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { format as formatDuration } from "@std/fmt/duration";
import type { App } from "../app/app.ts";
import { literally, printable } from "../telemetry/log.ts";
import type { Progress, Provider } from "../providers/provider.ts";
import { marketsOf } from "./markets.ts";
import { BAR_WIDTH, createMovingLine, MOVING_EVERY_MS } from "./moving_line.ts";

/**
 * Interval of lines in the log: for inputs with an end, and for feeds, whose log has to stay short on a quiet day.
 * Feeds also have a line at each opening and close of their market.
 */
const FINITE_EVERY_MS = 60_000;
const ENDLESS_EVERY_MS = 3_600_000;

/** Shows progress on standard error; without a terminal, only lines of the log are written there. */
export interface ProgressDisplay {
  start(app: App): void;
  /** Prints a separate line, or logs it. */
  say(message: string): void;
  /** Removes the moving line, so that another can be printed. */
  clear(): void;
  stop(): void;
}

/** Creates an empty display. */
export function startProgress(isTerminal = Deno.stderr.isTerminal()): ProgressDisplay {
  return isTerminal ? createLineDisplay() : createLogLines();
}

function createLineDisplay(): ProgressDisplay {
  const line = createMovingLine();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    start(app) {
      const pace = createPace(app);
      timer = setInterval(() => {
        const { progress, elapsedMs, rate } = pace();
        line.show([...describePosition(progress, elapsedMs, BAR_WIDTH), ...describeFlow(app, rate)].join(" · "));
      }, MOVING_EVERY_MS);
    },
    say(message) {
      line.clear();
      Deno.stderr.writeSync(new TextEncoder().encode(`${printable(message)}\n`));
    },
    clear: line.clear,
    stop() {
      clearInterval(timer);
      line.clear();
    },
  };
}

function createLogLines(): ProgressDisplay {
  const log = getLogger("barline");
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    start(app) {
      const pace = createPace(app);
      let toldAt = performance.now();
      let wasOpen = isMarketOpen(app);
      timer = setInterval(() => {
        const everyMs = readAll(app) === undefined ? ENDLESS_EVERY_MS : FINITE_EVERY_MS;
        const isOpen = isMarketOpen(app);
        if (performance.now() - toldAt < everyMs && isOpen === wasOpen) return;
        wasOpen = isOpen;
        toldAt = performance.now();
        const { progress, elapsedMs, rate, received } = pace();
        const line = [...describePosition(progress, elapsedMs, 0), ...describeFlow(app, rate)].join(" · ");
        log.info(`Progress: ${line}`, {
          received,
          rate: Math.round(rate),
          ...(progress === undefined ? {} : { done: progress.done, total: progress.total }),
        });
      }, FINITE_EVERY_MS);
    },
    say: (message) => log.info(literally(printable(message))),
    clear() {},
    stop: () => clearInterval(timer),
  };
}

/** Reads the progress of a run, and its rate since the last reading, in records a second. */
function createPace(app: App) {
  const startedAt = performance.now();
  let before = { received: 0, at: startedAt };
  return () => {
    const at = performance.now();
    const { received } = app.ledger();
    const rate = (received - before.received) / ((at - before.at) / 1000);
    before = { received, at };
    return { progress: readAll(app), elapsedMs: at - startedAt, received, rate };
  };
}

/** Whether the market of any symbol of a live feed is open. */
const isMarketOpen = (app: App): boolean =>
  marketsOf(app).some(({ calendars }) => calendars.some((calendar) => calendar.isOpen(Date.now())));

const readAll = (app: App) => readProgress(app.tenants().flatMap((tenant) => tenant.providers()));

/** The progress of all providers together; `undefined` if the end of one is unknown. */
function readProgress(providers: readonly Provider[]): Progress | undefined {
  const all = providers.map((provider) => provider.progress?.());
  if (all.some((each) => each === undefined)) return undefined;
  return all.reduce<Progress>((sum, each) => ({ done: sum.done + each!.done, total: sum.total + each!.total }), {
    done: 0,
    total: 0,
  });
}

function describeFlow(app: App, rate: number): string[] {
  const { received, journaled, deadLettered } = app.ledger();
  const count = (value: number) => Math.round(value).toLocaleString("en-US");
  const parts = [`${count(received)} records`, `${count(rate)}/s`];
  for (const { kind, queue, workersAlive, circuit } of app.health().coordinators) {
    parts.push(`${kind} queue ${queue.size}/${queue.capacity}`, `workers ${workersAlive}`, `circuit ${circuit}`);
  }
  if (journaled > 0) parts.push(`journal ${count(journaled)}`);
  if (deadLettered > 0) parts.push(`dead letters ${count(deadLettered)}`);
  return parts;
}

/**
 * Describes the progress, and the remaining time at the same pace; empty if the end is unknown. A bar of that width
 * precedes it.
 */
export function describePosition(progress: Progress | undefined, elapsedMs: number, barWidth: number): string[] {
  if (progress === undefined || progress.total <= 0) return [];
  const part = Math.min(1, progress.done / progress.total);
  const bar = "█".repeat(Math.floor(part * barWidth)).padEnd(barWidth, "░");
  const percent = `${barWidth > 0 ? `${bar} ` : ""}${Math.floor(part * 100)} %`;
  if (part === 0) return [percent];
  const leftMs = Math.ceil((elapsedMs / part - elapsedMs) / 1000) * 1000;
  return [percent, `${formatDuration(leftMs, { ignoreZero: true }) || "0s"} left`];
}
