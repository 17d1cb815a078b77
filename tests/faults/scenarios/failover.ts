/**
 * The server gone for good, and another in its place that first can only be read.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { withClient } from "../../../src/database/database.ts";
import { databaseAt } from "../../support/server_tests.ts";
import { startStandby } from "../../support/standby.ts";
import { assertWhole } from "../harness/oracle.ts";
import { startProxy } from "../harness/proxy.ts";
import type { Scenario } from "../harness/scenario.ts";
import { readTable } from "../harness/table.ts";

/** Scenarios of a failover. */
export const failover: readonly Scenario[] = [{
  name: "failover",
  promise: "after a failover to a standby that is promoted late (25006) it has every bar",
  async run(trial) {
    const { control, random, work } = trial;
    await using standby = await startStandby(control.port);
    await using proxy = await startProxy(control.port);
    const url = new URL(work.database);
    url.port = String(proxy.port);
    const run = await trial.ingest(["--database", url.href, "--log-level", "debug"]);
    await run.stored(random.between(1, 8000));
    // Stops when the standby has all that was committed.
    await control.stop("fast");
    try {
      proxy.moveTo(standby.port);
      const before = await run.read("mds_worker_write_errors_total");
      await run.until((value) => value >= before + random.between(3, 10), "mds_worker_write_errors_total");
      await standby.promote();
      await run.stored(random.between(1, 3000));
      const { code, json, stderr } = await run.stop();
      assertEquals([code, json.deadLettered], [0, 0], stderr);
      assertStringIncludes(stderr, "25006");
      url.port = String(standby.port);
      await withClient(
        databaseAt(url.href),
        (client) => assertWhole(json.received, { table: readTable(client), letters: [] }),
      );
    } finally {
      await control.start();
    }
  },
}];
