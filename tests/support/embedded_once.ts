/**
 * A program of its own that opens an embedded database, closes it, and says so.
 *
 * @module
 */
import { withClient } from "../../src/database/database.ts";
import { openEmbedded } from "../../src/database/embedded.ts";

{
  await using database = await openEmbedded(Deno.args[0]);
  await withClient(database, (client) => client.query("SELECT 1"));
}
console.log("closed");
