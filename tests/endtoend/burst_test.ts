import { assertLess } from "@std/assert";
import { type Burst, measureBursts } from "../bench/burst.ts";
import type { TestServer } from "../support/postgres.ts";
import { useServer } from "../support/server_tests.ts";

const SYMBOLS = 10_000;
const BURSTS = 5;

const { test } = useServer();

/** How many times as long as a plain program the whole way may take: 5 to 10 on machines of two cores. */
const SLOWER = 20;

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** How long a plain program takes for as many bars, now: it reads them as JSON and inserts them, and does nothing else. */
async function measurePlain(server: TestServer): Promise<number> {
  const started = performance.now();
  const bars = Array.from({ length: SYMBOLS }, (_, at) => JSON.stringify({ symbol: `S${at}`, open: at, volume: at }));
  const rows = JSON.stringify(bars.map((bar) => JSON.parse(bar)));
  await server.query(`CREATE TEMPORARY TABLE plain (symbol text PRIMARY KEY, open float8, volume float8);
    INSERT INTO plain SELECT * FROM json_to_recordset('${rows}') AS bar (symbol text, open float8, volume float8)`);
  return performance.now() - started;
}

for (const provider of ["alpaca", "massive"] as const) {
  test(`${provider}: ${SYMBOLS} bars of the same second are in the table soon, and leave no memory behind`, async (server) => {
    const bursts: Burst[] = [];
    const plain: number[] = [];
    for await (const burst of measureBursts({ provider, server, symbols: SYMBOLS, bursts: BURSTS })) {
      bursts.push(burst);
      plain.push(await measurePlain(server));
      console.log(`${provider}, burst ${bursts.length}: ${burst.ms.toFixed(0)} ms, then ${burst.rssMb.toFixed(0)} MB`);
    }
    // Other work on the machine may slow some of them, and on a machine that is slow or busy everything.
    assertLess(median(bursts.map(({ ms }) => ms)), Math.max(2000, SLOWER * median(plain)));
    // With the first come 10,000 series, then buffers grow to their size.
    assertLess(bursts.at(-1)!.rssMb, bursts[2].rssMb * 1.15);
  });
}
