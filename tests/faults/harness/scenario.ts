/**
 * What a scenario is, and what it is given: a server, an empty database, a directory, and chance that can be repeated.
 *
 * @module
 */
import { withClient } from "../../../src/database/database.ts";
import type { TestServer } from "../../support/postgres.ts";
import { databaseAt, type ServerControl } from "../../support/server_tests.ts";
import type { StartOptions } from "../../support/process.ts";
import { openWorkspace, type Workspace } from "../../support/workspace.ts";
import { type Ingest, QUICK, startIngest } from "./ingest.ts";
import { assertWhole, type Findings } from "./oracle.ts";
import type { Random } from "./random.ts";
import { readTable } from "./table.ts";

/** Role whose members must give their password. */
export const PASSWORD_GROUP = "with_password";

/** A way for things to go wrong, and what must hold nevertheless. */
export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  /** What must hold, as the name of a test. */
  readonly promise: string;
  /** Why it cannot be run here; `undefined` where it can. */
  readonly missing?: string;
  /** The test or scenario that tries the same mechanism in each run of the suite: `deno task faults` alone runs this one. */
  readonly coveredBy?: string;
  /** Throws where the promise is broken. */
  run(trial: Trial): Promise<void>;
}

/** One run of a scenario. */
export interface Trial {
  readonly random: Random;
  readonly server: TestServer;
  readonly control: ServerControl;
  readonly work: Workspace;
  /** How many records a scenario of size sends. */
  readonly records: number;
  /** Tells figures of a scenario that has any. */
  readonly report: (figures: string) => void;
  /** Starts a run of the mock into the database, with batches and lanes by chance; further flags win. */
  ingest(args?: readonly string[], options?: Partial<StartOptions>): Promise<Ingest>;
  /** Empties table and data directory, for another round. */
  reset(): Promise<void>;
  /** Throws unless each of the first `sent` bars is whole, in the table or among the dead letters. */
  assertWhole(sent: number): Promise<Findings>;
  /** Throws unless the table is what one delivery of the first `sent` bars gives, and there is no dead letter. */
  assertDelivered(sent: number): Promise<void>;
}

/** Opens what a trial needs; disposing of it removes all. */
export async function openTrial(
  server: TestServer,
  { random, records, report }: Pick<Trial, "random" | "records" | "report">,
): Promise<Trial & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const work = opened.use(await openWorkspace(server));
  const assertTrialWhole: Trial["assertWhole"] = async (sent) => {
    const letters = (await work.letters()).flatMap(({ items }) => items);
    return await withClient(
      databaseAt(work.database),
      (client) => assertWhole(sent, { table: readTable(client), letters }),
    );
  };
  const closing = opened.move();
  return {
    random,
    records,
    report,
    server,
    control: server.control!,
    work,
    async reset() {
      await server.query("TRUNCATE bar", work.database);
      await Deno.remove(work.dataDir, { recursive: true });
    },
    assertWhole: assertTrialWhole,
    ingest: async (args = [], options) =>
      closing.use(
        await startIngest(work, [
          ...QUICK,
          ...["--workers", String(random.between(1, 4)), "--batch-size", String(random.between(50, 2000))],
          ...args,
        ], options),
      ),
    async assertDelivered(sent) {
      const { dead } = await assertTrialWhole(sent);
      if (dead > 0) throw new Error(`${dead} good bars were dead-lettered: ${(await work.letters())[0].error}`);
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
