/**
 * The log: one line a change of state, on standard error. Quiet while all is well.
 *
 * @module
 */
import { configure, getJsonLinesFormatter, getTextFormatter, type LogRecord } from "@logtape/logtape";
import { createRepeatGate } from "./repeats.ts";

/** Severities, as the configuration names them. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** How to log. */
export interface LogOptions {
  level: LogLevel;
  format: "text" | "json";
  /** Called before a line is written, to clear a progress line. */
  beforeLine?: () => void;
}

/** Sets the log up for the process. */
export async function configureLog({ level, format, beforeLine }: LogOptions): Promise<void> {
  const formatJson = getJsonLinesFormatter({ properties: "flatten" });
  const formatText = getTextFormatter({
    timestamp: "rfc3339",
    level: "full",
    category: ".",
    value: (value, inspect) => typeof value === "string" ? printable(value) : inspect(value),
  });
  // Within JSON, characters that are written out mean the same.
  const formatter = format === "json"
    ? (record: LogRecord) => `${printable(formatJson(record).trimEnd())}\n`
    : formatText;
  const encoder = new TextEncoder();
  const repeats = createRepeatGate();
  await configure({
    reset: true,
    sinks: {
      stderr(record: LogRecord) {
        // States are told whenever they change; what is wrong, once a minute.
        const isTrouble = record.level === "warning" || record.level === "error";
        const held = isTrouble ? repeats([...record.category, ...record.message].map(String).join("")) : 0;
        if (held === undefined) return;
        beforeLine?.();
        const told = held === 0 ? record : {
          ...record,
          message: [...record.message.slice(0, -1), `${record.message.at(-1)} (${held} more like it before)`],
          properties: { ...record.properties, repeated: held },
        };
        Deno.stderr.writeSync(encoder.encode(formatter(told)));
      },
    },
    loggers: [
      { category: "barline", lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** An error in words, with what it comes from. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: string };
  const own = code !== undefined && !error.message.includes(code) ? `${error.message} (${code})` : error.message;
  // Some messages have taken up that of their cause.
  const repeats = error.cause instanceof Error && error.message.includes(error.cause.message);
  return error.cause instanceof Error && !repeats ? `${own}: ${describeError(error.cause)}` : own;
}

/**
 * Text with its control characters written out, which could make a terminal do things, or forge a line of a log; and with
 * those that cannot be seen or turn the direction of writing, which could make it read as what it is not.
 */
export function printable(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text of several lines, each made {@linkcode printable}. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
