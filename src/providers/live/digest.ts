/**
 * Gathers messages about symbols, so that a fact about many symbols is one line of the log.
 *
 * @module
 */

/** See the module's description. */
export interface Digest {
  /**
   * Adds a fact about symbols, once for each symbol and topic. The first of a topic is reported at once; further ones
   * within a minute share a message, in the words of the first.
   */
  add(topic: string, symbols: readonly string[], describe: (names: string) => string): void;
  /** Reports the topics that have waited for a minute, or `all`. */
  flush(all?: boolean): void;
}

/** The gathered symbols of a topic. */
interface Topic {
  readonly told: Set<string>;
  /** When its last message was reported, in milliseconds of the monotonic clock. */
  toldAt: number;
  waiting: string[];
  describe: (names: string) => string;
}

/** Most symbols named in a message. */
const NAMED = 5;
/** Time between two messages of a topic, in milliseconds. */
const EVERY_MS = 60_000;

/** Makes a digest. */
export function createDigest(warn: (message: string) => void): Digest {
  const topics = new Map<string, Topic>();

  function tell(topic: Topic, isDue = performance.now() - topic.toldAt >= EVERY_MS): void {
    if (!isDue || topic.waiting.length === 0) return;
    const names = listNames(topic.waiting);
    topic.waiting = [];
    topic.toldAt = performance.now();
    warn(topic.describe(names));
  }

  return {
    add(name, symbols, describe) {
      let topic = topics.get(name);
      if (topic === undefined) topics.set(name, topic = { told: new Set(), toldAt: -Infinity, waiting: [], describe });
      const news = symbols.filter((symbol) => !topic.told.has(symbol));
      if (news.length === 0) return;
      if (topic.waiting.length === 0) topic.describe = describe;
      for (const symbol of news) topic.told.add(symbol);
      topic.waiting.push(...news);
      tell(topic);
    },
    flush(all = false) {
      for (const topic of topics.values()) tell(topic, all || undefined);
    },
  };
}

/** The first symbols, and the number of others. */
export function listNames(symbols: readonly string[]): string {
  const rest = symbols.length - NAMED;
  return symbols.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${rest} others` : "");
}
