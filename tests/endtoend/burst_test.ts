import { assertLess } from "@std/assert";
import { type Burst, measureBursts } from "../bench/burst.ts";
import { useServer } from "../support/server_tests.ts";

const SYMBOLS = 10_000;
const BURSTS = 8;

const { test } = useServer();

for (const provider of ["alpaca", "massive"] as const) {
  test(`${provider}: ${SYMBOLS} bars of the same second are in the table soon, and leave no memory behind`, async (server) => {
    const bursts: Burst[] = [];
    for await (const burst of measureBursts({ provider, server, symbols: SYMBOLS, bursts: BURSTS })) {
      bursts.push(burst);
      console.log(`${provider}, burst ${bursts.length}: ${burst.ms.toFixed(0)} ms, then ${burst.rssMb.toFixed(0)} MB`);
    }
    const times = bursts.map(({ ms }) => ms).toSorted((a, b) => a - b);
    // Other work on the machine may slow some of them.
    assertLess(times[BURSTS / 2], 2000);
    // With the first come 10,000 series, then buffers grow to their size.
    assertLess(bursts.at(-1)!.rssMb, bursts[2].rssMb * 1.15);
  });
}
