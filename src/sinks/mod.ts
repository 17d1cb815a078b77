/**
 * The registry of sinks. To add one, write `src/sinks/NAME.ts` and add its line to {@linkcode sinks}.
 *
 * @module
 */
import { type NatsSinkOptions, openNatsSink } from "./nats.ts";
import { openPostgresSink, type PostgresSinkOptions } from "./postgres.ts";
import type { Sink } from "./sink.ts";

/** The options of each sink. */
export interface SinkOptions {
  nats: NatsSinkOptions;
  postgres: PostgresSinkOptions;
}

/** Opens each sink, by name. */
const sinks: { readonly [Name in keyof SinkOptions]: (options: SinkOptions[Name]) => Sink } = {
  nats: openNatsSink,
  postgres: openPostgresSink,
};

/** Opens the sink of that name for one kind of records. */
export function openSink<Name extends keyof SinkOptions>(name: Name, options: SinkOptions[Name]): Sink {
  return sinks[name](options);
}
