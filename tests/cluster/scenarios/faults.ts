import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { startProxy } from "../../faults/harness/proxy.ts";
import { openTestCluster, TAKE_OVER_MS, type TestCluster } from "../../support/cluster.ts";
import { addressOf, type Running } from "../../support/process.ts";
import { startPostgres, type TestServer } from "../../support/postgres.ts";
import { until } from "../../support/until.ts";

const SYMBOLS = ["AAUSDT", "BBUSDT", "CCUSDT", "DDUSDT"];

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Ends instances at once, each with nothing left. */
async function stopAll(...all: Running[]) {
  for (const each of all) each.kill("SIGTERM");
  for (const { ended } of all) {
    const { code, json, stderr } = await ended;
    assertEquals([code, json.deadLettered, json.inFlight, json.journaled], [0, 0, 0, 0], stderr);
  }
}

/** An instance that can be cut off from the database. */
interface Member {
  readonly name: string;
  readonly running: Running;
  readonly address: string;
}

/** One that is cut off stops in time, one that hangs passes nothing on. */
export async function cutOff(server: TestServer): Promise<void> {
  await using cluster = await openTestCluster(server, { symbols: SYMBOLS.slice(0, 2), shards: 1 });
  await using opened = new AsyncDisposableStack();
  const join = async (name: string) => {
    const proxy = opened.use(await startProxy(Number(new URL(server.url).port)));
    const url = new URL(cluster.database);
    url.port = String(proxy.port);
    const running = cluster.start(name, ["--database", url.href, "--http", "127.0.0.1:0"]);
    return { name, proxy, running, address: await addressOf(running) };
  };
  const one = await join("a");
  await cluster.until({ a: [0] });
  await cluster.streamed();
  const other = await join("b");
  const [a, b] = await cluster.holder("a", "b") === "a" ? [one, other] : [other, one];

  const streaming = cluster.market.subscriptions.filter(({ to }) => to === Infinity);
  a.proxy.setWeather({ blackHole: true });
  const cut = performance.now();
  await cluster.until({ [b.name]: [0] });
  await cluster.streamed();
  const took = performance.now() - cut;
  const stopped = Math.max(...streaming.map(({ to }) => to)) - cut;
  const overlap = cluster.market.longestOverlap();
  console.log(`partition: stopped after ${seconds(stopped)}, taken over after ${seconds(took)}, overlap ${overlap} ms`);
  assert(took < TAKE_OVER_MS && stopped < took);
  assertEquals(overlap, 0);
  a.proxy.setWeather({});
  a.proxy.breakAll("cut");
  const [holder, standby] = await cluster.holder("a", "b") === b.name ? [b, a] : [a, b];
  await hang(cluster, holder, standby);
  await stopAll(a.running, b.running);
}

/** A holder that hangs passes nothing on when it goes on: its shards have another holder. */
async function hang(cluster: TestCluster, holder: Member, standby: Member): Promise<void> {
  const overview = async () => await (await fetch(`${holder.address}/api/overview`)).json();
  const { market } = cluster;
  // With all bars so far in the table, and no more to come, what it has passed on is known to the bar.
  market.pause();
  await cluster.complete();
  let { received } = (await overview()).ledger;
  for (let before = -1; before !== received;) {
    before = received;
    ({ received } = (await overview()).ledger);
  }
  holder.running.kill("SIGSTOP");
  const hung = performance.now();
  market.resume();
  await cluster.until({ [standby.name]: [0] });
  const tookOver = performance.now() - hung;
  // These wait in the socket of the holder for it to go on.
  const before = market.bars.length;
  await until(() => market.bars.length >= before + 4);
  holder.running.kill("SIGCONT");
  await holder.running.line(/Shards .*lost/);
  await cluster.until({ [standby.name]: [0], [holder.name]: [] });
  await cluster.streamed();
  // It hears of the others with the beat that comes after its joining.
  const states = async () => (await overview()).cluster.instances.map(({ state }: { state: string }) => state).join();
  while (!["active,standby", "standby,active"].includes(await states())) await delay(20);
  // The provider of the lost shard is listed until it has closed.
  while ((await overview()).providers.length > 0) await delay(20);
  const { cluster: seen, state, providers, ledger } = await overview();
  assertEquals([state, providers, seen.instance, seen.unheld], ["healthy", [], holder.name, []]);
  assertEquals(ledger.received - received, 0);
  const rows = await cluster.complete();
  console.log(`SIGSTOP: taken over after ${seconds(tookOver)}; ${rows} bars, none is missing`);
  assert(tookOver < TAKE_OVER_MS);
}

/** The database restarts: nobody streams twice, all come back, no bar is missing. */
export async function restart(): Promise<void> {
  await using server = await startPostgres();
  const control = server.control!;
  await using cluster = await openTestCluster(server, { symbols: SYMBOLS, shards: 4 });
  const instances = [cluster.start("a"), cluster.start("b")];
  await cluster.until({ a: 2, b: 2 });
  await cluster.streamed();

  // So short that all hold on.
  const before = cluster.market.subscriptions.length;
  await control.stop("immediate");
  await control.start();
  await Promise.all(instances.map((each) => each.line(/Leases can be taken again/)));
  await cluster.until({ a: 2, b: 2 });
  const held = cluster.market.subscriptions.length === before;

  // So long that nobody may.
  await control.stop("immediate");
  while (SYMBOLS.some((symbol) => cluster.market.streams(symbol) > 0)) {
    await new Promise((done) => setTimeout(done, 20));
  }
  await control.start();
  const back = performance.now();
  await cluster.streamed();
  const took = performance.now() - back;
  await cluster.until({ a: 2, b: 2 });
  const rows = await cluster.complete();
  const overlap = cluster.market.longestOverlap();
  console.log(
    `restart: ${held ? "held on over" : "lost by"} a short one; ${seconds(took)} after a long one all is streamed; ` +
      `overlap ${overlap.toFixed(0)} ms; ${rows} bars`,
  );
  assertEquals(overlap, 0);
  await stopAll(...instances);
}
