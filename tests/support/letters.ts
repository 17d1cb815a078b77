/**
 * Dead letters in memory.
 *
 * @module
 */
import type { DeadLetter } from "../../src/dead_letters/letter.ts";
import type { DeadLetters } from "../../src/dead_letters/write.ts";
import type { Listener, PipelineEvent } from "../../src/events.ts";

/** Dead letters, and what has been kept. */
export interface MemoryLetters extends DeadLetters {
  readonly kept: DeadLetter[];
  /** Fails the next writes with this, until it is taken back. */
  failure: Error | undefined;
}

/** Makes dead letters that are kept in memory, and told as the real ones are. */
export function memoryLetters(emit: Listener = () => {}): MemoryLetters {
  const kept: DeadLetter[] = [];
  const letters: MemoryLetters = {
    kept,
    failure: undefined,
    async write(written) {
      await Promise.resolve();
      if (letters.failure !== undefined) throw letters.failure;
      kept.push(...written);
      for (const { kind, cause, reason } of written) emit({ type: "dead-lettered", kind, cause, count: 1, reason });
    },
  };
  return letters;
}

/** A listener that remembers. */
export interface EventLog {
  readonly emit: Listener;
  /** The events of one type, in order. */
  of<Type extends PipelineEvent["type"]>(type: Type): Extract<PipelineEvent, { type: Type }>[];
}

/** Makes a listener that remembers everything. */
export function eventLog(): EventLog {
  const events: PipelineEvent[] = [];
  return {
    emit: (event) => void events.push(event),
    of: <Type extends PipelineEvent["type"]>(type: Type) =>
      events.filter((event) => event.type === type) as Extract<PipelineEvent, { type: Type }>[],
  };
}
