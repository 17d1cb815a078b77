/**
 * Messages about symbols, gathered: what hits many symbols is one line of the log, not a line of each.
 *
 * @module
 */

/** See the module's description. */
export interface Digest {
  /**
   * Notes a fact about symbols, once for each symbol and topic. The first of a topic is reported at once; those that
   * follow within a minute share a message, in the words of the first.
   */
  add(topic: string, symbols: readonly string[], describe: (names: string) => string): void;
  /** Emits the messages of topics that have waited for a minute, or of `all`. */
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

/** Symbols that a message names. */
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

/** The first symbols, and how many others there are. */
export function listNames(symbols: readonly string[]): string {
  const rest = symbols.length - NAMED;
  return symbols.slice(0, NAMED).join(", ") + (rest > 0 ? ` and ${rest} others` : "");
}
