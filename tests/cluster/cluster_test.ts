import { missingNats } from "../support/nats.ts";
import { missingPgbouncer } from "../support/pgbouncer.ts";
import { missingServer, startPostgres, type TestServer } from "../support/postgres.ts";
import { testTogether } from "../support/together.ts";
import { cutOff, restart } from "./scenarios/faults.ts";
import { fillHole } from "./scenarios/hole.ts";
import { fix, poolerRefused, refuse } from "./scenarios/instances.ts";
import { refuseInNats, shareInNats } from "./scenarios/nats.ts";
import { takeOver } from "./scenarios/takeover.ts";

let server: TestServer;
const missing = missingServer();
if (missing === undefined) {
  Deno.test.beforeAll(async () => {
    server = await startPostgres();
  });
  Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
}
/** One that needs a server, and perhaps something else. */
const scenario = (name: string, run: (server: TestServer) => Promise<void>, other?: string) => ({
  name,
  missing: missing ?? other,
  fn: () => run(server),
});
const given = Deno.env.has("TEST_DATABASE_URL") ? "the given server cannot be stopped" : undefined;

testTogether("shards are shared out, taken over and handed over, and no bar is missing", [
  scenario("instances join, are killed and leave", takeOver),
  scenario("an instance that is cut off stops in time, one that hangs passes nothing on", cutOff),
  scenario("edges without a database share by leases in NATS", shareInNats, missingNats()),
  scenario("an instance killed while it fills a hole leaves it to the next", fillHole),
]);

testTogether("a cluster has its rules, and describes itself", [
  scenario("no shard is streamed twice after a restart of the database, and all come back", restart, given),
  scenario("a fixed shard has its instance and a standby; status, page and metrics show all", fix),
  scenario("an instance with another number of shards is refused", refuse),
  scenario("NATS refuses it too, and leases of another length", refuseInNats, missingNats()),
  scenario("leases are refused through PgBouncer, and work beside it", poolerRefused, missingPgbouncer()),
]);
