/**
 * A network that breaks connections at every moment of the protocol, delays, throttles, or swallows.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Ingest } from "../harness/ingest.ts";
import { type Breakage, type Moment, type Proxy, startProxy } from "../harness/proxy.ts";
import type { Scenario, Trial } from "../harness/scenario.ts";

/** Moments of a batch, by what is sent then; `often` are those of each batch, the others come once a connection. */
const MOMENTS: readonly (Pick<Moment, "side" | "type"> & { often?: true })[] = [
  { side: "client", type: "" }, // start of a connection
  { side: "server", type: "R" }, // authentication
  { side: "client", type: "Q" }, // a simple statement
  { side: "client", type: "P" }, // the statement that finds series is prepared
  { side: "client", type: "B" }, // its parameters
  { side: "server", type: "G", often: true }, // COPY may begin
  { side: "client", type: "d", often: true }, // COPY data
  { side: "client", type: "c", often: true }, // COPY data ends
  { side: "server", type: "C", often: true }, // the statement is done: the server has committed, and nobody hears of it
  { side: "server", type: "Z", often: true }, // ready for the next
];

/** A run through a proxy, which `disturb` disturbs while bars flow. */
function through(
  name: string,
  promise: string,
  disturb: (trial: Trial, run: Ingest, proxy: Proxy) => Promise<void>,
  flags: readonly string[] = [],
): Scenario {
  return {
    name,
    promise,
    async run(trial) {
      await using proxy = await startProxy(trial.control.port);
      const url = new URL(trial.work.database);
      url.port = String(proxy.port);
      const run = await trial.ingest(["--database", url.href, ...flags]);
      await run.stored(trial.random.between(1, 3000));
      await disturb(trial, run, proxy);
      await run.stored(1);
      proxy.setWeather({});
      const { code, json, stderr } = await run.stop();
      assertEquals(code, 0, stderr);
      await trial.assertDelivered(json.received);
    },
  };
}

async function breakOften(trial: Trial, run: Ingest, proxy: Proxy, breakages: readonly Breakage[]): Promise<void> {
  const { random } = trial;
  for (const moment of MOMENTS) {
    const happened = proxy.breakAt({
      ...moment,
      after: moment.often ? random.between(0, 3) : 0,
      part: random.pick([0, 0.5, 1]),
    }, random.pick(breakages));
    // Connections, and the messages that begin one, come only after others are gone.
    proxy.breakAll("cut");
    await happened;
    await run.stored(random.between(1, 500));
  }
}

/** Scenarios of the network. */
export const network: readonly Scenario[] = [
  through(
    "cut",
    "connections cut or reset at each moment of the protocol, also after the commit, cost no bar",
    (trial, run, proxy) => breakOften(trial, run, proxy, ["cut", "reset"]),
  ),
  through(
    "black-hole",
    "connections in which no byte passes any more are given up in time, and cost no bar",
    async (trial, run, proxy) => {
      const moment = trial.random.pick(MOMENTS.filter(({ often }) => often));
      await proxy.breakAt({ ...moment, after: trial.random.between(0, 5), part: 0.5 }, "black-hole");
      await run.failing();
      proxy.setWeather({ blackHole: true });
      await run.failing();
      proxy.setWeather({});
    },
  ),
  through(
    "delayed",
    "a network that is slow, and one that lets few bytes through, cost time and no bar",
    async (trial, run, proxy) => {
      proxy.setWeather({ delayMs: trial.random.between(5, 40) });
      await run.stored(trial.random.between(1, 3000));
      proxy.setWeather({ bytesPerSecond: trial.random.between(100_000, 300_000) });
      await run.stored(trial.random.between(1, 3000));
    },
    ["--write-timeout-ms", "5000"],
  ),
];
