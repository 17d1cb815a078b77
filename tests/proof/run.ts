/**
 * The proof that edges, stream and hub together lose nothing and store nothing wrongly: two edges publish numbered bars
 * with corrections, three workers of a hub store them, and meanwhile workers and edges are killed, nats-server and
 * PostgreSQL are restarted, and the network between the edges and the stream is parted.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { openNats } from "../../src/nats/connection.ts";
import { manageStreams } from "../../src/nats/stream.ts";
import { deadLetterDirectory } from "../../src/dead_letters/files.ts";
import { createRandom } from "../faults/harness/random.ts";
import { natsSettings, startNats } from "../support/nats.ts";
import { startPostgres } from "../support/postgres.ts";
import { startBarline } from "../support/process.ts";
import { startRelay } from "../support/relay.ts";
import { countBars, findBars, writeBars } from "./bars.ts";
import { makeNamespace, type Namespace } from "./namespaces.ts";
import { type Service, supervise } from "./supervise.ts";

/** How large, how fast, and how hard. */
export interface ProofOptions {
  /** Bars of both edges together; a tenth more lines are corrections. */
  bars: number;
  /** Lines a second of each edge. */
  rate: number;
  /** Longest time between two disturbances, in milliseconds. */
  disturbEveryMs: number;
  seed: number;
  /** Puts each edge into a network namespace of its own, and parts them by their wires. @default {false} */
  namespaces?: boolean;
  report: (figures: string) => void;
}

/** Exit codes of a process that SIGTERM or SIGKILL has ended. */
const ENDED_BY_SIGNAL = [143, 137];
const EDGES = 2;
const WORKERS = 3;
/** Quick to notice an outage, and its end. */
const QUICK = [
  ...["--circuit-failures", "2", "--circuit-open-ms", "200", "--retry-attempts", "2", "--write-timeout-ms", "2000"],
  ...["--log-level", "warning", "--json"],
];

/** Runs the proof; throws where it fails. */
export async function prove(
  { bars, rate, disturbEveryMs, seed, namespaces = false, report }: ProofOptions,
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "barline-proof-" });
  opened.defer(() => Deno.remove(directory, { recursive: true }));
  const postgres = opened.use(await startPostgres());
  const nats = opened.use(await startNats(namespaces ? { host: "0.0.0.0" } : {}));
  const network = opened.use(startRelay(nats.port));
  const database = await postgres.createDatabase();
  const count = Math.ceil(bars / EDGES);
  const started = performance.now();

  const migrated = await startBarline(["migrate", "--sink", "nats", "--nats-url", nats.url], { cwd: directory }).ended;
  assertEquals(migrated.code, 0, migrated.stderr);

  const hosts: Namespace[] = [];
  for (let edge = 0; namespaces && edge < EDGES; edge++) hosts.push(opened.use(await makeNamespace(edge)));
  const start = (name: string, args: readonly string[], through?: readonly string[]) =>
    opened.use(
      supervise(name, () =>
        startBarline(["ingest", ...QUICK, "--http", "off", "--data-dir", join(directory, name), ...args], {
          cwd: directory,
          endless: true,
          through,
        })),
    );
  const workers = Array.from({ length: WORKERS }, (_, at) =>
    start(`worker-${at}`, [
      ...["--provider", "nats", "--nats-url", nats.url, "--nats-ack-wait", "2", "--database", database],
    ]));
  const edges: Service[] = [];
  for (let edge = 0; edge < EDGES; edge++) {
    const file = join(directory, `edge-${edge}.csv`);
    await writeBars(file, edge, count);
    const host = hosts.at(edge);
    const url = host === undefined ? `nats://127.0.0.1:${network.port}` : `nats://${host.gateway}:${nats.port}`;
    edges.push(start(`edge-${edge}`, [
      ...["--file", file, "--resume", "--rate", String(rate), "--journal", edge === 0 ? "overflow" : "durable"],
      ...["--sink", "nats", "--nats-url", url, "--drain-timeout", "120"],
    ], host?.through));
  }

  const random = createRandom(seed);
  const counts = { "worker killed": 0, "edge killed": 0, "nats restarted": 0, "postgres restarted": 0, parted: 0 };
  const disturbances: Record<keyof typeof counts, () => Promise<boolean>> = {
    "worker killed": () => Promise.resolve(random.pick(workers).kill()),
    "edge killed": () => Promise.resolve(random.pick(edges).kill()),
    async "nats restarted"() {
      await nats.stop();
      await delay(random.between(0, 1000));
      await nats.start();
      return true;
    },
    async "postgres restarted"() {
      await postgres.control!.stop(random.pick(["fast", "immediate"] as const));
      await delay(random.between(0, 1000));
      await postgres.control!.start();
      return true;
    },
    async parted() {
      if (namespaces) {
        const host = random.pick(hosts);
        await host.plug(false);
        await delay(random.between(500, 15_000));
        await host.plug(true);
      } else {
        network.freeze();
        await delay(random.between(500, 3000));
        network.cut();
      }
      return true;
    },
  };
  const kinds = Object.keys(disturbances) as (keyof typeof counts)[];
  let isOver = false;
  const edgesDone = Promise.all(edges.map(({ done }) => done)).finally(() => isOver = true);
  // Each once, whatever chance says.
  const order = [...kinds];
  let stored = 0;
  while (!isOver) {
    await Promise.race([delay(random.between(disturbEveryMs / 4, disturbEveryMs)), edgesDone]);
    // Whatever was disturbed has to work again first: on a slow machine nothing would ever be stored otherwise.
    let now = await countBars(database);
    while (!isOver && now <= stored) {
      await Promise.race([delay(100), edgesDone]);
      now = await countBars(database);
    }
    if (isOver) break;
    stored = now;
    const kind = order.shift() ?? random.pick(kinds);
    if (await disturbances[kind]()) counts[kind]++;
  }
  await edgesDone;

  await using look = openNats(natsSettings(nats.url), "proof");
  const manager = await manageStreams(look);
  while ((await manager.streams.info("BARLINE")).state.messages > 0) await delay(100);
  const { delivered } = await manager.consumers.info("BARLINE", "barline-bar");
  const { state } = await manager.streams.info("BARLINE");
  const seconds = (performance.now() - started) / 1000;
  for (const worker of workers) {
    const ended = await worker.stop();
    // One that was killed last, and stopped before it had begun anew, has written nothing.
    if (ENDED_BY_SIGNAL.includes(ended.code) && (ended.stdout === "" || ended.json.ended === "stopped")) continue;
    assertEquals(ended.code, 0, ended.stderr);
    assertEquals(ended.json.inFlight, 0);
  }

  for (let edge = 0; edge < EDGES; edge++) {
    assertEquals(await findBars(database, edge, count), { whole: count, missing: 0, wrong: [] }, `edge ${edge}`);
  }
  for (const { name } of [...workers, ...edges]) {
    assertEquals(await lettersOf(join(directory, name)), [], `dead letters of ${name}`);
  }
  const happened = Object.entries(counts).map(([kind, times]) => `${kind} ${times}`).join(", ");
  const again = delivered.consumer_seq - state.last_seq;
  report(
    `${(EDGES * count).toLocaleString("en-US")} bars in ${seconds.toFixed(1)} s, seed ${seed}: ${happened}; ` +
      `${state.last_seq} messages, ${again} delivered again`,
  );
}

async function lettersOf(dataDir: string): Promise<string[]> {
  try {
    const files = await Array.fromAsync(Deno.readDir(deadLetterDirectory(dataDir)), ({ name }) => name);
    return files.filter((name) => name.endsWith(".ndjson"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
