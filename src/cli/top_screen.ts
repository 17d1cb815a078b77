/**
 * The overview as lines of text.
 *
 * @module
 */
import { DEFAULT_TENANT } from "../storage/data_dir.ts";
import { printable } from "../telemetry/log.ts";
import type { Overview, TenantGlance } from "../telemetry/overview.ts";

/** How to draw. */
export interface ScreenOptions {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  /** Why the shown data is old. */
  readonly problem?: string;
  /** Effects of keys. */
  readonly hint?: string;
}

type Mood = "good" | "warn" | "bad" | "quiet" | "bold";
const CODES: Record<Mood, number> = { good: 32, warn: 33, bad: 31, quiet: 2, bold: 1 };
const MOODS: Readonly<Record<string, Mood>> = {
  healthy: "good",
  degraded: "warn",
  unhealthy: "bad",
  closed: "good",
  open: "bad",
  "half-open": "warn",
  live: "good",
  running: "good",
  connecting: "warn",
  waiting: "warn",
  paused: "warn",
  failed: "bad",
};

/** A part of a line. */
type Part = string | { readonly text: string; readonly mood?: Mood };

const count = (value: number) => Math.round(value).toLocaleString("en-US");
const rate = (value: number) => value >= 100 ? count(value) : String(Number(value.toPrecision(3)));

/** `3 s`, `12 min`, `5 h`, `3 d`. */
function age(seconds: number): string {
  if (seconds < 100) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

const state = (text: string): Part => ({ text, mood: MOODS[text] });

/** Draws the overview: at most `rows` lines of at most `columns` characters, colour codes aside. */
export function drawOverview(overview: Overview & { state?: string }, options: ScreenOptions): string[] {
  const { ts, startedAt, version, ledger, latencyMs, unaccounted, providers } = overview;
  const lines: Part[][] = [
    [
      { text: "Barline", mood: "bold" },
      ` ${version}  up ${age(ts - startedAt)}  `,
      overview.tenant === undefined || overview.tenant === DEFAULT_TENANT ? "" : `tenant ${overview.tenant}  `,
      overview.stopping ? { text: "stopping", mood: "warn" } : state(overview.state ?? ""),
      { text: options.hint === undefined ? "" : `   ${options.hint}`, mood: "quiet" },
    ],
  ];
  if (options.problem) lines.push([{ text: `Old, as no new data comes: ${options.problem}`, mood: "bad" }]);
  lines.push(
    [],
    [
      { text: "flow      ", mood: "quiet" },
      `${rate(overview.rate.received)}/s in  ${rate(overview.rate.committed)}/s committed  ` +
      `p50 ${rate(latencyMs.p50)} ms  p99 ${rate(latencyMs.p99)} ms`,
    ],
  );
  for (const { kind, queue, workers, workersAlive, circuit, probeAt } of overview.coordinators) {
    const part = queue.size / queue.capacity;
    lines.push([
      { text: kind.padEnd(10), mood: "quiet" },
      { text: bar(part, 20), mood: part >= 0.8 ? "bad" : part >= 0.5 ? "warn" : "good" },
      ` ${count(queue.size)} of ${count(queue.capacity)}  workers ${workersAlive}/${workers}  circuit `,
      state(circuit),
      probeAt === undefined ? "" : ` (probe in ${age(probeAt - ts)})`,
    ]);
  }
  const terms = [
    ["received", ledger.received],
    ["stored", ledger.stored],
    ["unchanged", ledger.unchanged],
    ["deduplicated", ledger.deduplicated],
    ["dead-lettered", ledger.deadLettered],
    ["journaled", ledger.journaled],
    ["in flight", ledger.inFlight],
  ] as const;
  const words = terms.map(([name, value]) => `${name} ${count(value)}`);
  lines.push([{ text: "ledger    ", mood: "quiet" }, words.slice(0, 3).join("  ")]);
  lines.push([
    `          ${words.slice(3).join("  ")}  `,
    unaccounted === 0
      ? { text: "balances", mood: "good" }
      : { text: `${count(unaccounted)} unaccounted for`, mood: "bad" },
  ]);
  lines.push([
    { text: "letters   ", mood: "quiet" },
    {
      text: `${count(overview.deadLettersWaiting)} waiting`,
      mood: overview.deadLettersWaiting > 0 ? "warn" : undefined,
    },
  ]);
  if (overview.tenants !== undefined) lines.push([], ...drawTenants(overview.tenants));
  if (overview.cluster !== undefined) lines.push(...drawCluster(overview.cluster));
  const width = Math.max(12, ...providers.map(({ name }) => name.length + 2));
  lines.push([], [{
    text: `${"provider".padEnd(width)}${"state".padEnd(14)}${"last".padStart(8)}${"records".padStart(14)}` +
      `${"reconnects".padStart(12)}${"repaired".padStart(12)}`,
    mood: "quiet",
  }]);
  for (const { name, state: of, lastReceivedAt, received, reconnects, repaired, error, lastLoss } of providers) {
    lines.push([
      name.padEnd(width),
      { text: of.padEnd(14), mood: MOODS[of] },
      (lastReceivedAt === undefined ? "–" : age(ts - lastReceivedAt)).padStart(8),
      count(received).padStart(14),
      count(reconnects).padStart(12),
      count(repaired).padStart(12),
      { text: `  ${error ?? (lastLoss === undefined ? "" : `last lost: ${lastLoss}`)}`, mood: "quiet" },
    ]);
  }
  return lines.slice(0, options.rows).map((parts) => drawLine(parts, options));
}

/** A line a tenant. */
function drawTenants(tenants: readonly TenantGlance[]): Part[][] {
  const width = Math.max(12, ...tenants.map(({ name }) => name.length + 2));
  const head = ["in/s", "committed/s", "p99 ms", "records", "queued", "journaled", "letters"];
  return [
    [{
      text: `${"tenant".padEnd(width)}${"state".padEnd(14)}${head.map((each) => each.padStart(12)).join("")}`,
      mood: "quiet",
    }],
    ...tenants.map((each): Part[] => [
      each.name.padEnd(width),
      { text: each.state.padEnd(14), mood: MOODS[each.state] },
      [
        ...[rate(each.rate.received), rate(each.rate.committed), rate(each.latencyMs.p99), count(each.received)],
        ...[count(each.queued), count(each.journaled), count(each.deadLettersWaiting)],
      ].map((text) => text.padStart(12)).join(""),
      each.unaccounted === 0 ? "" : { text: `  ${count(each.unaccounted)} unaccounted for`, mood: "bad" },
    ]),
  ];
}

/** This instance's shards, and problems of the others. */
function drawCluster({ cluster, instance, shards, instances, unheld }: NonNullable<Overview["cluster"]>): Part[][] {
  const own = instances.find((each) => each.instance === instance)?.shards ?? [];
  return [[
    { text: "shards    ", mood: "quiet" },
    `${own.length === 0 ? "none" : own.join(", ")} of ${shards}  in ${cluster} with ${instances.length} instances  `,
    unheld.length === 0
      ? { text: "all held", mood: "good" }
      : { text: `without a holder: ${unheld.join(", ")}`, mood: "bad" },
  ]];
}

/** A bar of `width` characters, filled to a part of it. */
function bar(part: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, part)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/** Cuts a line to the screen, and colours its parts. Text from elsewhere must not do things to the terminal. */
function drawLine(parts: readonly Part[], { columns, color }: ScreenOptions): string {
  let left = columns;
  let line = "";
  for (const part of parts) {
    const { text, mood } = typeof part === "string" ? { text: part, mood: undefined } : part;
    const shown = printable(text).slice(0, left);
    left -= shown.length;
    line += color && mood !== undefined && shown !== "" ? `\x1b[${CODES[mood]}m${shown}\x1b[0m` : shown;
  }
  return line.trimEnd();
}
