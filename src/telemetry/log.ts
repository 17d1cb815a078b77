/**
 * The log: one line a change of state, on standard error. Quiet while all is well.
 *
 * @module
 */
import { configure, getJsonLinesFormatter, getTextFormatter, type LogRecord } from "@logtape/logtape";
import { createRepeatGate } from "./repeats.ts";
import { printable } from "./text.ts";

export { describeError, printable, printableLines } from "./text.ts";

/** Severities, as the configuration names them. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** How to log. */
export interface LogOptions {
  level: LogLevel;
  format: "text" | "json";
  /** Called before a line is written, to clear a progress line. */
  beforeLine?: () => void;
}

/**
 * A text, made fit for a terminal before, as a message that stands in the log unchanged: braces are no places of values, and
 * in JSON nothing of it is quoted once more.
 */
export function literally(text: string): string {
  return text.replaceAll("{", "{{").replaceAll("}", "}}");
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
        // States are logged at each change, faults once a minute.
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
