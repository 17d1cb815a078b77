/**
 * TWS as a venue.
 *
 * @module
 */
import { type FakeConnection, startFakeTws } from "../../support/fake_tws.ts";
import { sendToTws, toTws } from "../../support/lines.ts";
import { startRelay } from "../../support/relay.ts";
import { createHistory } from "../history.ts";
import { sleep, type Venue } from "../venue.ts";

const CLIENT_ID = 0;

/** Starts the venue. */
export function startIbkr(): Venue {
  const symbols = ["AAPL", "MSFT", "EUR.USD"];
  const inUse = new Map<number, number>();
  const fake = startFakeTws({ inUse });
  const relay = startRelay(Number(fake.variables.IBKR_PORT));
  const history = createHistory(fake.history);
  const connections = new Set<FakeConnection>();
  /** While TWS has no connection to IBKR it has nothing to send. */
  let isCutOff = false;

  function inform(code: number, text: string): void {
    for (const connection of connections) connection.info(code, text);
  }
  async function cutOff(lengthMs: number, lost: [number, string], restored: [number, string]): Promise<void> {
    isCutOff = true;
    inform(...lost);
    await sleep(lengthMs);
    isCutOff = false;
    inform(...restored);
  }

  return {
    provider: "ibkr",
    symbols,
    variables: { ...fake.variables, IBKR_PORT: String(relay.port), IBKR_CLIENT_ID: String(CLIENT_ID) },
    correctionMs: [2_100, 4_000],
    tellsForming: true,
    relay,
    // Its length says that there is more to come.
    halfMessage: new Uint8Array([0, 0, 1, 0, 57, 48, 0]),
    faults: {
      "1100 and 1102": (lengthMs) =>
        cutOff(
          lengthMs,
          [1100, "Connectivity between IBKR and Trader Workstation has been lost."],
          [1102, "Connectivity between IBKR and Trader Workstation has been restored - data maintained."],
        ),
      async "1100 and 1101"(lengthMs) {
        const lost = "Connectivity between IBKR and Trader Workstation has been lost.";
        const restored = "Connectivity between IBKR and Trader Workstation has been restored - data lost.";
        for (const connection of connections) connection.forget(...symbols);
        await cutOff(lengthMs, [1100, lost], [1101, restored]);
      },
      "data farm broken": (lengthMs) =>
        cutOff(
          lengthMs,
          [2103, "Market data farm connection is broken:usfarm"],
          [2104, "Market data farm connection is OK:usfarm"],
        ),
      "10182"() {
        for (const connection of connections) connection.blip();
      },
      "10225"() {
        const text =
          "Bust event occurred, current subscription is deactivated. Please resubscribe real-time bars immediately.";
        for (const connection of connections) {
          const id = connection.newest("MSFT");
          connection.forget("MSFT");
          if (id !== undefined) connection.error(id, 10225, text);
        }
      },
      async "pacing violation"(lengthMs) {
        const text = "Historical Market Data Service error message:Historical data request pacing violation";
        fake.mishaps.push(...Array.from({ length: 1000 }, () => ({ code: 162, text })));
        relay.cut();
        await sleep(lengthMs);
        fake.mishaps.length = 0;
      },
      "client id in use"(lengthMs) {
        if (connections.size === 0) return;
        inUse.set(CLIENT_ID, Math.ceil(lengthMs / 60_000));
        relay.cut();
      },
    },
    // Of its own last connection knows only who had one.
    starting: () => inUse.clear(),
    async line() {
      const connection = await fake.connection();
      connections.add(connection);
      connection.gone.then(() => connections.delete(connection));
      return {
        get isOpen() {
          return connections.has(connection);
        },
        send(prints) {
          if (!isCutOff) sendToTws(connection, prints);
        },
        raw: (text) => connection.send(90, connection.newest("AAPL") ?? 0, 1, text, 1, 1, 1, 1, 1, 1),
        close: connection.close,
      };
    },
    record: ({ kind, bar }) => kind === "forming" ? undefined : history.put(toTws(bar)),
    malformed: (marker) => marker,
    expect: ({ bar }) => ({
      symbol: bar.symbol,
      ts: bar.ts,
      values: [
        ...[bar.open, bar.high, bar.low, bar.close, bar.volume],
        // Currencies have midpoints, which nobody has traded at.
        ...bar.symbol === "EUR.USD" ? [null, null] : [bar.close, bar.trades],
      ],
      // What comes for a bar that was taken to be over is marked as a correction of it.
      statuses: ["final", "correction"],
    }),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}
