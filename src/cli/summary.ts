/**
 * The summary of a run, in words and as JSON.
 *
 * @module
 */
import { format as formatDuration } from "@std/fmt/duration";
import type { TenantOutcome } from "../app/tenant.ts";
import type { CountedReason, Reasons } from "../dead_letters/reasons.ts";
import { createLedger, imbalance, type Ledger } from "../pipeline/ledger.ts";
import type { LatencyDistribution } from "../telemetry/latency.ts";
import { describeError, printable } from "../telemetry/log.ts";
import type { RunEnd } from "./exit.ts";

/** Dead letters in a summary. */
export interface LetterSummary {
  readonly directory: string;
  /** Commands that show the letters, for each tenant with some. */
  readonly commands: readonly string[];
  /** Reasons of the letters. */
  readonly reasons?: Reasons;
}

/** Reasons in a summary, as JSON and for people. */
const TOLD_REASONS = { json: 10, people: 3 };

/** Input of a summary. */
export interface SummaryInput {
  readonly outcome: TenantOutcome & { readonly tenants?: ReadonlyMap<string, TenantOutcome> };
  readonly end: Omit<RunEnd, "code">;
  readonly seconds: number;
  readonly latency: LatencyDistribution;
  readonly letters: LetterSummary;
  readonly json: boolean;
}

/** The summary: several lines for people, or one JSON object. */
export function summarize({ outcome, end, seconds, latency, letters, json }: SummaryInput): string {
  const { ledger } = outcome;
  const error = end.error === undefined ? undefined : describeError(end.error);
  const tenants = outcome.tenants === undefined || outcome.tenants.size < 2 ? undefined : outcome.tenants;
  const rate = seconds > 0 ? ledger.received / seconds : 0;
  const latencyMs = { p50: round(latency.quantile(0.5)), p99: round(latency.quantile(0.99)) };
  if (json) {
    const each = tenants && Object.fromEntries(Array.from(tenants, ([name, { ledger, failure }]) => [name, {
      ...ledger,
      failure: failure === undefined ? undefined : describeError(failure),
    }]));
    const figures = { ...ledger, seconds: round(seconds), rate: round(rate), latencyMs };
    const reasons = letters.reasons?.commonest(TOLD_REASONS.json).map(({ reason, count, example }) => ({
      reason,
      count,
      example: { location: example.location, error: example.reason, item: example.item },
    }));
    return printable(JSON.stringify({
      ...figures,
      ended: end.ended,
      error,
      reasons: reasons?.length ? reasons : undefined,
      tenants: each,
    }));
  }
  const count = (value: number) => Math.round(value).toLocaleString("en-US");
  const missing = imbalance(ledger);
  const lines = [
    `received ${count(ledger.received)} = stored ${count(ledger.stored)}${describeStored(ledger)} + unchanged ${
      count(ledger.unchanged)
    }` +
    ` + deduplicated ${count(ledger.deduplicated)} + dead-lettered ${count(ledger.deadLettered)}` +
    ` + journaled ${count(ledger.journaled)} + in flight ${count(ledger.inFlight)}` +
    (ledger.dropped === undefined ? "" : ` + dropped ${count(ledger.dropped)}`) +
    (ledger.swallowed === undefined ? "" : ` + swallowed ${count(ledger.swallowed)}`) +
    (missing === 0 ? "" : `: DOES NOT BALANCE, ${count(missing)} are unaccounted for`),
    `${count(rate)} records/s over ${describeSeconds(seconds)}, ` +
    `receive to commit p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms`,
  ];
  if (ledger.deadLettered > 0) {
    for (const each of letters.reasons?.commonest(TOLD_REASONS.people) ?? []) lines.push(describeReason(each));
    lines.push(`dead letters lie in ${letters.directory}; see them with: ${letters.commands.join(" and ")}`);
  }
  if (ledger.swallowed !== undefined) {
    lines.push("swallowed are records that a trigger of the database took without an error: they are not stored");
  }
  if (ledger.journaled > 0) lines.push("journaled records lie on disk, and are delivered at the next start");
  if (ledger.inFlight > 0) {
    lines.push("in flight are records whose fate is not known: read them again from their source");
  }
  for (const [name, { failure }] of tenants ?? []) {
    if (failure !== undefined) lines.push(`failed: ${name}: ${printable(describeError(failure))}`);
  }
  if (end.isCut) lines.push("stopped before the end of the input");
  const isTold = tenants !== undefined && outcome.failure !== undefined;
  if (error !== undefined && !isTold) lines.push(`failed: ${printable(error)}`);
  return lines.join("\n");
}

/** `refused: 5 × ts is not ISO 8601, as "2024-01-02" in bars.csv:2`. */
function describeReason({ reason, count, example }: CountedReason): string {
  const particulars = example.reason.slice(reason.length + 2);
  const as = particulars === "" ? "" : `, as ${particulars}`;
  const at = example.location === undefined ? "" : ` in ${example.location}`;
  return printable(`refused: ${count.toLocaleString("en-US")} × ${reason}${as}${at}`);
}

/** ` (4 new, 2 changed)`, if some stored records existed before. */
function describeStored({ inserted, updated }: Ledger): string {
  if (inserted === null || !updated) return "";
  return ` (${inserted.toLocaleString("en-US")} new, ${updated.toLocaleString("en-US")} changed)`;
}

/** The JSON of a run that has not begun, since its start failed or was stopped: it received nothing. */
export function summarizeUnbegun(error?: string): string {
  const figures = { ...createLedger().read(), seconds: 0, rate: 0, latencyMs: { p50: 0, p99: 0 } };
  return JSON.stringify({ ...figures, ended: error === undefined ? "stopped" : "failed", error });
}

/** `0.124 s`, or `3m 5s`. */
function describeSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 3 : 1)} s`;
  return formatDuration(Math.round(seconds) * 1000, { ignoreZero: true });
}

const round = (value: number) => Math.round(value * 1000) / 1000;
