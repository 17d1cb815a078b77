/**
 * Runs scenarios on servers of the suite.
 *
 * @module
 */
import { startPostgres, type TestServer } from "../../support/postgres.ts";
import { createRandom, trialSeed } from "./random.ts";
import { openTrial, PASSWORD_GROUP, type Scenario, type Trial } from "./scenario.ts";

/** Few enough connections to be used up, and nothing that makes a stop slow. */
const SERVER_SETTINGS = ["max_connections = 40", "superuser_reserved_connections = 3"];

/** Characters of a failure's message, which may hold the whole log of a process. */
const MAX_MESSAGE = 3000;
/** Records of a scenario of size, where nothing else is asked for. */
const SMALL_RECORDS = 10_000;

/** Runs trials, one after the other. */
export interface TrialRunner extends AsyncDisposable {
  /**
   * Runs a scenario with the chance that belongs to its name, the seed and the number of the trial.
   *
   * @throws {Error} If its promise is broken; says how to repeat it.
   */
  run(
    scenario: Scenario,
    seed: number,
    trial: number,
    size?: Partial<Pick<Trial, "records" | "report">>,
  ): Promise<void>;
}

/** Makes a runner; it starts a server when there is something to run, and a new one after a scenario has failed. */
export function createTrialRunner(): TrialRunner {
  let server: TestServer | undefined;
  async function dispose(): Promise<void> {
    await server?.[Symbol.asyncDispose]();
    server = undefined;
  }
  return {
    async run(scenario, seed, trial, { records = SMALL_RECORDS, report = () => {} } = {}) {
      server ??= await startServer();
      try {
        await using opened = await openTrial(server, {
          random: createRandom(trialSeed(seed, scenario.name, trial)),
          records,
          report,
        });
        await scenario.run(opened);
      } catch (cause) {
        // What it has done to the server is not known.
        await dispose();
        const { message } = cause as Error;
        const told = message.length <= MAX_MESSAGE
          ? message
          : `${message.slice(0, 500)} … ${message.slice(-MAX_MESSAGE)}`;
        throw new Error(
          `${scenario.name}, seed ${seed}, trial ${trial}: ${told}\n` +
            `Repeat it with: deno task faults --only ${scenario.name} --seed ${seed} --trial ${trial}`,
          { cause },
        );
      }
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Starts a server that takes no password from anybody but the members of a group, from whom it wants the right one. */
export async function startServer(): Promise<TestServer> {
  const server = await startPostgres(SERVER_SETTINGS);
  await server.query(`CREATE ROLE ${PASSWORD_GROUP}`);
  const [{ hba_file }] = await server.query("SHOW hba_file");
  const rules = [
    "local all all trust",
    "host replication all 127.0.0.1/32 trust",
    `host all +${PASSWORD_GROUP} all scram-sha-256`,
    "host all all all trust",
  ];
  await server.query(`COPY (SELECT unnest('{${rules.join(",")}}'::text[])) TO '${hba_file}'`);
  await server.query("SELECT pg_reload_conf()");
  return server;
}
