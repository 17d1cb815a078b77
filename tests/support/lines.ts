/**
 * What each vendor sends of a market's prints over a client's connection.
 *
 * @module
 */
import type { AlpacaConnection } from "./fake_alpaca.ts";
import type { BinanceConnection } from "./fake_binance.ts";
import type { FakeConnection as KrakenConnection, MarketBar } from "./fake_kraken.ts";
import type { MassiveConnection } from "./fake_massive.ts";
import type { MarketBar as TwsBar } from "./fake_tws.ts";

/** What a vendor says of a bar: a state under way, its end, or another value for it later. */
export interface Print {
  readonly kind: "forming" | "closed" | "corrected";
  readonly bar: MarketBar;
}

/** One client's connection that has subscribed. */
export interface Line {
  readonly isOpen: boolean;
  /** Sends what the endpoint sends of these prints, as one message where it may. */
  send(prints: readonly Print[]): void;
  /** Sends a message as it is. */
  raw(text: string): void;
  /** Closes it as a server does that is restarted. */
  close(): void;
}

interface Socket {
  readonly isOpen: boolean;
  raw(text: string): void;
  close(code?: number): void;
}

const lineOver = (socket: Socket, send: Line["send"]): Line => ({
  get isOpen() {
    return socket.isOpen;
  },
  send,
  raw: socket.raw,
  close: () => socket.close(1012),
});

export const alpacaLine = (connection: AlpacaConnection): Line =>
  lineOver(connection, (prints) => {
    const of = (kind: Print["kind"]) =>
      prints.filter((print) => print.kind === kind && connection.symbols.has(print.bar.symbol)).map(({ bar }) => bar);
    const [closed, corrected] = [of("closed"), of("corrected")];
    if (closed.length > 0) connection.bars(...closed);
    if (corrected.length > 0) connection.updates(...corrected);
  });

export const binanceLine = (connection: BinanceConnection): Line =>
  lineOver(connection, (prints) => {
    for (const { kind, bar } of prints) {
      if (kind === "forming") connection.forming(bar);
      else connection.bars(bar);
    }
  });

export const krakenLine = (connection: KrakenConnection): Line =>
  lineOver(connection, (prints) => {
    // There is no word for a bar that is over: a later one begins.
    const bars = prints.filter(({ kind }) => kind !== "closed").map(({ bar }) => bar);
    if (bars.length > 0) connection.update(...bars);
  });

export const massiveLine = (connection: MassiveConnection): Line => ({
  ...{ raw: connection.raw, close: () => connection.close(1012, "service restart") },
  get isOpen() {
    return connection.isOpen;
  },
  send(prints) {
    const bars = prints.map(({ bar }) => bar).filter(({ symbol }) => connection.topics.has(`AM.${symbol}`));
    if (bars.length > 0) connection.bars(...bars);
  },
});

/** The bar as TWS has it. */
export const toTws = (bar: MarketBar): TwsBar => ({ ...bar, count: bar.trades, wap: bar.close });

/** TWS has no word for a bar that is over. */
export function sendToTws(connection: { update(bar: TwsBar): void }, prints: readonly Print[]): void {
  for (const { kind, bar } of prints) if (kind !== "closed") connection.update(toTws(bar));
}
