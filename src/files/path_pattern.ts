/**
 * Reads symbol, timeframe and date from the path of a file, by a pattern like `{symbol}_{timeframe}.csv`.
 *
 * | in the pattern | stands for |
 * |---|---|
 * | `{symbol}` | the symbol; `{ticker}` for one without small letters and spaces, so that `data (3)` does not match |
 * | `{base}` and `{quote}` | a symbol of two, as in `BTC/USDT` |
 * | `{timeframe}` | the length of the bars; `{minutes}` as a number of minutes |
 * | `{exchange}` | anything without `_` |
 * | `{date}` | the day, as `20240102` or `2024-01-02` |
 * | `*` | anything but `/` |
 * | `[…]` | may be absent |
 *
 * A pattern has to match the end of the path, from the beginning of a name on. `.gz` and `.zst` do not count.
 *
 * @module
 */

/** Parts that a path names. */
export interface PathParts {
  readonly symbol?: string;
  /** The path's own name for it. */
  readonly timeframe?: string;
  /** As `20240102`. */
  readonly date?: string;
}

const PARTS: Readonly<Record<string, string>> = {
  symbol: "(?<symbol>[^/]+?)",
  ticker: "(?<symbol>[A-Z0-9][A-Z0-9.^=&_-]*?)",
  exchange: "[^/_]+?",
  base: "(?<base>[^/]+?)",
  quote: "(?<quote>[^/]+?)",
  timeframe: "(?<timeframe>\\d+[ _-]?[A-Za-z]+|[A-Za-z]+\\d*|\\d+)",
  minutes: "(?<!\\d)(?<minutes>1|5|15|30|60|120|240|720|1440|10080)",
  date: "(?<date>\\d{4}(?:-?\\d\\d){0,2})",
};

/** Finds the parts of a path; `undefined` if it does not match, or matches in several ways. */
export type PathPattern = (path: string) => PathParts | undefined;

/** Compiles a pattern. @throws {RangeError} If the pattern is not valid. */
export function compilePattern(pattern: string): PathPattern {
  const source = pattern.replace(/\{(\w*)\}|[*[\]]|[.+^$()|\\?]/g, (found, name) => {
    if (found === "*") return "[^/]*";
    if (found === "[") return "(?:";
    if (found === "]") return ")?";
    if (name === undefined) return `\\${found}`;
    if (PARTS[name] === undefined) {
      throw new RangeError(
        `{${name}} is not known, expected ${Object.keys(PARTS).map((each) => `{${each}}`).join(" ")}`,
      );
    }
    return PARTS[name];
  });
  if (!/<(symbol|base|timeframe|minutes|date)>/.test(source)) {
    throw new RangeError("{symbol} is missing, expected a pattern like {symbol}_{timeframe}.csv");
  }
  let lazy: RegExp;
  try {
    lazy = new RegExp(`(?:^|/)${source}$`);
  } catch {
    throw new RangeError("its brackets do not match, expected a pattern like {symbol}[_*].csv");
  }
  const greedy = new RegExp(`(?:^|/)${source.replaceAll(/([+*])\?/g, "$1")}$`);
  return (path) => {
    const plain = path.replace(/\.(gz|zst)$/i, "");
    const found = [lazy, greedy].map((each) => each.exec(plain)?.groups);
    const [first, other] = found.map((groups) => groups && partsOf(groups));
    // If the longest and the shortest match differ, the path is ambiguous.
    return JSON.stringify(first) === JSON.stringify(other) ? first : undefined;
  };
}

function partsOf({ symbol, base, quote, timeframe, minutes, date }: Record<string, string | undefined>): PathParts {
  return {
    symbol: symbol ?? (base && quote ? `${base}/${quote}` : base),
    timeframe: timeframe ?? minutes,
    date: date?.replaceAll("-", ""),
  };
}
