/**
 * The faults that can be tried on any database without touching anything outside of the trial's schema.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import { cutClient, endClient } from "../database/database.ts";
import type { Names } from "../database/names.ts";
import { processOf } from "../database/pooler.ts";
import type { FAULT_NAMES } from "./names.ts";
import type { Scratch } from "./scratch.ts";

/** The means of a fault. */
export interface FaultSite {
  readonly scratch: Scratch;
  /** Resolves when that many more batches are written. */
  written(count: number): Promise<void>;
  /** Resolves when that many more writes have failed. */
  failed(count: number): Promise<void>;
}

/** Something to go wrong. */
export interface ChaosFault {
  readonly name: typeof FAULT_NAMES[number];
  readonly what: string;
  /** Whether it wants more than one session, which the embedded database has not. */
  readonly needsServer?: true;
  /** Statements that prepare the tables; undone by a fresh start for each fault. */
  readonly prepare?: (names: Names) => string;
  /** Which numbers the database must refuse. */
  readonly isPoison?: (number: number) => boolean;
  /** Does it, while bars flow. */
  readonly disturb?: (site: FaultSite) => Promise<void>;
}

const refuse = (condition: string) => ({ of }: Names) =>
  `ALTER TABLE ${of("bar")} ADD CONSTRAINT refused CHECK (NOT (${condition}))`;

/** A trigger for each new row. */
const trigger = (body: string, { of }: Names) =>
  `CREATE FUNCTION ${of("disturb")}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN new; END $$;
  CREATE TRIGGER disturb BEFORE INSERT ON ${of("bar")} FOR EACH ROW EXECUTE FUNCTION ${of("disturb")}()`;

/** Errors that pass, each raised a few times. */
const PASSING = ["40001", "40P01", "53300", "55P03", "57P01"];

/** Breaks the connections that often, by turns just after a batch and again and again until a write has been hit. */
async function breakOften({ written, failed }: FaultSite, rounds: number, breakAll: () => unknown): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      await written(1);
      await breakAll();
      continue;
    }
    let isHit = false;
    const hit = failed(1).finally(() => isHit = true);
    hit.catch(() => {});
    while (!isHit) {
      await breakAll();
      await delay(1);
    }
    await hit;
  }
}

const cutOften = (site: FaultSite) =>
  breakOften(site, 20, () => {
    for (const client of site.scratch.clients) cutClient(client);
  });

const terminateOften = (site: FaultSite) =>
  breakOften(site, 10, () =>
    site.scratch.query("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", [
      [...site.scratch.clients].map(processOf),
    ]));

/** All faults, the harmless one first. */
export const chaosFaults: readonly ChaosFault[] = [
  { name: "none", what: "nothing goes wrong, to compare with" },
  {
    name: "poison",
    what: "a constraint refuses one bar in 97",
    prepare: refuse("open::int % 97 = 0"),
    isPoison: (number) => number % 97 === 0,
  },
  {
    name: "poison-storm",
    what: "a constraint refuses every other bar",
    prepare: refuse("open::int % 2 = 1"),
    isPoison: (number) => number % 2 === 1,
  },
  {
    name: "passing-errors",
    what: `errors that pass (${PASSING.join(", ")}) are raised in the middle of batches`,
    prepare(names) {
      const sequence = names.of("raised");
      return `CREATE SEQUENCE ${sequence}; ${
        trigger(
          `IF new.open::int % 50 = 7 AND nextval('${sequence}') <= 20 THEN
        RAISE 'this passes' USING ERRCODE = (ARRAY['${
            PASSING.join("','")
          }'])[1 + currval('${sequence}') % ${PASSING.length}];
      END IF;`,
          names,
        )
      }`;
    },
    disturb: ({ failed }) => failed(1),
  },
  { name: "cut", what: "the connections are cut, 20 times", disturb: cutOften },
  { name: "terminated", what: "the backends are terminated, 10 times", needsServer: true, disturb: terminateOften },
  {
    name: "locked",
    what: "another session locks the table until writes time out",
    needsServer: true,
    async disturb({ scratch, failed }) {
      const holder = await scratch.connect();
      try {
        const hit = failed(2);
        // Awaited below; until then the run may end.
        hit.catch(() => {});
        await holder.query("BEGIN");
        await holder.query(`LOCK TABLE ${scratch.names.of("bar")} IN ACCESS EXCLUSIVE MODE`);
        await hit;
      } finally {
        await endClient(holder);
      }
    },
  },
  {
    name: "slow",
    what: "each row takes so long that whole batches time out",
    needsServer: true,
    async disturb({ scratch, failed, written }) {
      await scratch.query(trigger("PERFORM pg_sleep(0.01);", scratch.names));
      await failed(2);
      await written(1);
      await withRetries(() => scratch.query(`DROP TRIGGER disturb ON ${scratch.names.of("bar")}`));
    },
  },
  {
    name: "poison-and-cut",
    what: "every third bar is refused, and the connections are cut meanwhile",
    prepare: refuse("open::int % 3 = 0"),
    isPoison: (number) => number % 3 === 0,
    disturb: cutOften,
  },
];

/** A statement that waits for a lock on a busy table may run into its time limit. */
async function withRetries(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (attempt === 20) throw error;
      await delay(100);
    }
  }
}
