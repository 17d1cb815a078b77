/**
 * A fake endpoint as the vendor of a market in virtual time, in the words that all five have in common.
 *
 * @module
 */
import type { MarketBar } from "../support/fake_kraken.ts";
import { alterJson, cutShort, type Lapse, type Lapses, say } from "../support/lapse.ts";
import type { Line } from "../support/lines.ts";

/** A connection of which nothing but prints is sent. */
export type CoverageLine = Omit<Line, "raw">;

/** See the module's description. */
export interface CoverageVenue extends AsyncDisposable {
  readonly provider: string;
  readonly symbols: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** Whether states of bars under way are streamed, and whether the end of a bar is. */
  readonly tellsForming: boolean;
  readonly tellsClosed: boolean;
  /** The next client that has subscribed. */
  line(): Promise<CoverageLine>;
  /** Sets what history has, before each of its answers, and the vendor's clock. */
  serve(bars: () => readonly MarketBar[], now: () => number): void;
  /** Ways to answer with nonsense, by name; `undefined` ends it. */
  readonly nonsense: readonly string[];
  lie(kind: string | undefined): void;
  /** Leaves these symbols out of the next subscriptions, where the endpoint can. */
  ignore?(symbols: readonly string[]): void;
  /** Requests for history so far. */
  readonly requests: number;
}

/** Lets the REST side of a fake show what a market has, and lie. */
export function serveRest(lapses: Lapses, history: MarketBar[], lies: Readonly<Record<string, Lapse>>) {
  let show: () => readonly MarketBar[] = () => [];
  let lie: Lapse | undefined;
  let requests = 0;
  lapses.lapse = (url, plain) => {
    requests++;
    history.splice(0, history.length, ...show());
    return lie === undefined ? plain() : lie(url, plain);
  };
  const all: Readonly<Record<string, Lapse>> = { null: say("null"), "cut body": cutShort, ...lies };
  return {
    serve(bars: () => readonly MarketBar[], now: () => number): void {
      show = bars;
      lapses.now = now;
    },
    nonsense: Object.keys(all),
    lie(kind: string | undefined): void {
      lie = kind === undefined ? undefined : all[kind];
    },
    requests: () => requests,
  };
}

/** The plain answer without the fields of these names. */
export const without = (...names: string[]): Lapse =>
  alterJson((body) => Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name))));
