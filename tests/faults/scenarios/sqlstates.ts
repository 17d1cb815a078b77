/**
 * What the database says no with: every class of SQLSTATE, raised by a trigger, for some bars or for some time.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Scenario, Trial } from "../harness/scenario.ts";

/** What is said of a value: the bar is refused, alone. */
const POISON = ["21000", "22003", "22P02", "23502", "23503", "23505", "23514", "23P01", "27000", "44000", "54000"];
const POISON_BY_TRIGGER = ["P0001", "40002"];
/** What passes: the batch is tried again. */
const TRANSIENT = ["08006", "25006", "40001", "40003", "40P01", "53000", "53100", "53200", "53300", "55000", "55P03"];
const TRANSIENT_OF_OPERATORS = ["57000", "57014", "57P01", "57P02", "57P03", "58000", "58030"];
/** What somebody has to mend. */
const FATAL = ["28000", "28P01", "3D000", "3F000", "42501", "42703", "42P01", "57P04", "0A000", "XX000"];

/** Condition of a row that about one in `every` fulfils, spread over time and symbols. */
const oneIn = (every: number) => `mod((extract(epoch FROM new.ts) / 60)::bigint + new.series_id * 7, ${every}) = 0`;

/** Raises an error for rows that fulfil a condition. */
async function raise(trial: Trial, sqlstate: string, condition: string): Promise<void> {
  await trial.work.migrate();
  await trial.work.query(`CREATE SEQUENCE IF NOT EXISTS raised;
    CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF ${condition} THEN RAISE 'no' USING ERRCODE = '${sqlstate}'; END IF;
      RETURN new;
    END $$;
    CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON bar FOR EACH ROW EXECUTE FUNCTION refuse()`);
}

const LIMIT = 3000;

/** Runs to the end, with at most one bar in `every` refused. */
async function runPoisoned(trial: Trial, sqlstate: string, every: number): Promise<void> {
  await raise(trial, sqlstate, oneIn(every));
  const run = await trial.ingest(["--limit", String(LIMIT)]);
  const { code, json, stderr } = await run.running.ended;
  assertEquals([code, json.received], [0, LIMIT], stderr);
  const { dead, twice } = await trial.assertWhole(LIMIT);
  assertEquals([dead, twice], [json.deadLettered, 0]);
  const share = dead / LIMIT * every;
  assert(share > 0.8 && share < 1.2, `${dead} of ${LIMIT} bars were refused with ${sqlstate}, not one in ${every}`);
  assertEquals(new Set((await trial.work.letters()).map(({ metadata }) => metadata.sqlstate)), new Set([sqlstate]));
}

/** Scenarios of errors that the database gives. */
export const sqlstates: readonly Scenario[] = [
  {
    name: "poison",
    promise: "bars that are refused, for whatever reason of SQLSTATE, are dead-lettered alone",
    async run(trial) {
      for (const sqlstate of [trial.random.pick(POISON), trial.random.pick(POISON_BY_TRIGGER)]) {
        await runPoisoned(trial, sqlstate, trial.random.pick([2, 10, 100, 500]));
        await trial.reset();
      }
    },
  },
  {
    name: "poison-storm",
    promise: "when half of all bars are refused, exactly the other half is stored",
    coveredBy: "poison-storm of tests/chaos/chaos_test.ts",
    run: (trial) => runPoisoned(trial, trial.random.pick(POISON), 2),
  },
  {
    name: "transient",
    promise: "errors that pass (deadlock, serialization, resources, operators) are tried again, and cost no bar",
    async run(trial) {
      for (const sqlstate of [trial.random.pick(TRANSIENT), trial.random.pick(TRANSIENT_OF_OPERATORS)]) {
        // A sequence counts through rollbacks.
        await raise(trial, sqlstate, `${oneIn(200)} AND nextval('raised') <= ${trial.random.between(1, 10)}`);
        const run = await trial.ingest(["--limit", String(LIMIT)]);
        const { code, stderr } = await run.running.ended;
        assertEquals(code, 0, stderr);
        await trial.assertDelivered(LIMIT);
        await trial.reset();
      }
    },
  },
  {
    name: "fatal",
    promise: "an error that waiting cannot mend ends the run with exit code 1 and its SQLSTATE, and no bar is lost",
    async run(trial) {
      const sqlstate = trial.random.pick(FATAL);
      await raise(trial, sqlstate, `${oneIn(1000)} AND new.ts > '2000-01-01 12:00Z'`);
      const run = await trial.ingest();
      const { code, json, stderr } = await run.running.ended;
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, sqlstate);
      await trial.assertWhole(json.received);
    },
  },
  {
    name: "outage-and-poison",
    promise: "an outage in the middle of a poison storm dead-letters what is poison, and not one good bar",
    async run(trial) {
      const every = trial.random.pick([2, 10, 50]);
      await raise(trial, trial.random.pick(POISON), oneIn(every));
      const run = await trial.ingest();
      for (let rounds = 0; rounds < 2; rounds++) {
        await run.stored(trial.random.between(1, 2000));
        await trial.control.stop(trial.random.pick(["fast", "immediate"]));
        await run.failing(trial.random.between(1, 4)).finally(trial.control.start);
      }
      await run.stored(1);
      const { code, json, stderr } = await run.stop();
      assertEquals(code, 0, stderr);
      const { dead, twice } = await trial.assertWhole(json.received);
      assertEquals([dead, twice], [json.deadLettered, 0]);
      // The condition once more, of each letter: nothing that would have been stored lies there.
      const items = (await trial.work.letters()).flatMap(({ items }) => items) as { symbol: string; ts: string }[];
      const [{ good }] = await trial.work.query(
        `SELECT count(*)::int AS good FROM json_to_recordset('${
          JSON.stringify(items)
        }') AS letter (symbol text, ts timestamptz)
        JOIN series USING (symbol) CROSS JOIN LATERAL (SELECT letter.ts, series.id AS series_id) AS new
        WHERE NOT (${oneIn(every)})`,
      );
      assertEquals(good, 0);
    },
  },
];
