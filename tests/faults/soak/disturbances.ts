/**
 * What goes wrong during a soak, each thing for a moment.
 *
 * @module
 */
import { delay } from "@std/async/delay";
// @ts-types="@types/pg"
import { Client } from "pg";
import type { Proxy } from "../harness/proxy.ts";
import type { Trial } from "../harness/scenario.ts";
import { terminateBackends } from "../harness/sessions.ts";

/** Does something for a moment, and undoes it. */
export type Disturbance = (trial: Trial, proxy: Proxy) => Promise<void>;

const moment = ({ random }: Trial) => delay(random.between(300, 1500));

/** All of them, by name. */
export const disturbances: Readonly<Record<string, Disturbance>> = {
  terminate: async (trial) => void await terminateBackends(trial),
  cut: (_, proxy) => Promise.resolve(proxy.breakAll("cut")),
  reset: (_, proxy) => Promise.resolve(proxy.breakAll("reset")),
  async "cut after commit"(trial, proxy) {
    await proxy.breakAt({ side: "server", type: "C", after: trial.random.between(0, 5), part: 0 }, "cut");
  },
  "black hole": (_, proxy) => Promise.resolve(proxy.breakAll("black-hole")),
  async delay(trial, proxy) {
    proxy.setWeather({ delayMs: trial.random.between(5, 50) });
    await moment(trial);
    proxy.setWeather({});
  },
  async restart({ control, random }) {
    await control.stop(random.pick(["fast", "immediate"]));
    await control.start();
  },
  async hang(trial) {
    await trial.control.signal("SIGSTOP");
    await moment(trial);
    await trial.control.signal("SIGCONT");
  },
  async lock(trial) {
    const holder = new Client({ connectionString: trial.work.database });
    holder.on("error", () => {});
    await holder.connect();
    await holder.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
    await moment(trial);
    await holder.end();
  },
  async deadlocks({ work, random }) {
    await work.query(`SELECT setval('deadlocks_left', ${random.between(1, 5)})`);
  },
};

/** Prepares a database for these: now and then a bar is poison, and some writes end in a deadlock when that is asked for. */
export async function prepareDisturbances({ work }: Trial): Promise<void> {
  await work.run(["migrate", "--database", work.database]);
  await work.query(`CREATE SEQUENCE deadlocks_left INCREMENT -1 MINVALUE -1000000 MAXVALUE 1000000 START 1;
    SELECT setval('deadlocks_left', 0);
    CREATE FUNCTION disturb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF mod(new.volume::int, 5000) = 99 THEN RAISE 'poison' USING ERRCODE = '23514'; END IF;
      IF mod(new.volume::int, 100) = 7 AND (SELECT last_value FROM deadlocks_left) > 0 AND nextval('deadlocks_left') >= 0 THEN
        RAISE 'deadlock' USING ERRCODE = '40P01';
      END IF;
      RETURN new;
    END $$;
    CREATE TRIGGER disturb BEFORE INSERT ON bar FOR EACH ROW EXECUTE FUNCTION disturb()`);
}
