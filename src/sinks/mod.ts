/**
 * The registry of sinks. To add one, write `src/sinks/NAME.ts` and add its line to {@linkcode sinks}.
 *
 * @module
 */
import { openPostgresSink, type PostgresSinkOptions } from "./postgres.ts";
import type { Sink } from "./sink.ts";

/** Opens each sink, by name. */
const sinks = {
  postgres: openPostgresSink,
} as const;

/** What any sink may be given; each takes what it needs. */
export type SinkOptions = PostgresSinkOptions;

/** Opens the sink of that name for one kind of records. */
export function openSink(name: keyof typeof sinks, options: SinkOptions): Sink {
  return sinks[name](options);
}
