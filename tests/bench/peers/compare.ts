/**
 * Barline beside other programs: whole processes, the same file, one server.
 *
 * @module
 */
import { fromFileUrl, join, resolve } from "@std/path";
// @ts-types="@types/pg"
import { Client } from "pg";
import { DEFAULT_SCHEMA, namesIn } from "../../../src/database/names.ts";
import { migrate } from "../../../src/database/migrate.ts";
import type { TestServer } from "../../support/postgres.ts";
import { isInstalled, makePeerTable, measure, type Taken } from "./measure.ts";
import { barline, type Peer, peers } from "./programs.ts";

/** What to compare. */
export interface Comparison {
  readonly server: TestServer;
  readonly file: string;
  readonly directory: string;
  readonly rows: number;
  readonly rounds: number;
  /** The compiled binary; absent where only the source is measured. */
  readonly binary?: string;
}

/** The source, as a process. */
const SOURCE = ["run", "-A", fromFileUrl(new URL("../../../main.ts", import.meta.url))];

/** Measures all programs that are installed, by turns, and prints their medians. */
export async function comparePrograms({ server, file, directory, rows, rounds, binary }: Comparison): Promise<void> {
  const own = [
    ...(binary === undefined ? [] : [barline("Barline, binary", [resolve(binary)])]),
    barline("Barline, source", [Deno.execPath(), ...SOURCE]),
  ];
  const found: Peer[] = [];
  for (const peer of peers) {
    if (await isInstalled(peer)) found.push(peer);
    else console.error(`${peer.name}: ${peer.module ?? peer.program} is not installed, left out`);
  }
  const all = [...own, ...found];
  const url = await server.createDatabase();
  await makePeerTable(server, url);
  const client = new Client({ connectionString: url });
  await client.connect();
  await migrate(client, namesIn(DEFAULT_SCHEMA));
  await client.end();
  const taken = new Map<Peer, Taken[]>(all.map((peer) => [peer, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [at, peer] of all.entries()) {
      const data = join(directory, `peer-${round}-${at}`);
      await Deno.mkdir(data);
      const each = await measure(server, peer, { url, file, directory: data }, rows);
      taken.get(peer)!.push(each);
      console.error(`round ${round}: ${peer.name}: ${each.seconds.toFixed(2)} s`);
    }
  }
  console.log(`\n${rows.toLocaleString("en-US")} rows from CSV, whole processes, median of ${rounds}\n`);
  console.log("| program | seconds | k rows/s | processor s | of the server | peak MB | corrects rows |");
  console.log("|---|--:|--:|--:|--:|--:|---|");
  const medianOf = (peer: Peer, of: keyof Taken) =>
    taken.get(peer)!.map((each) => each[of]).sort((a, b) => a - b)[Math.floor(rounds / 2)];
  for (const peer of all.toSorted((a, b) => medianOf(a, "seconds") - medianOf(b, "seconds"))) {
    const seconds = medianOf(peer, "seconds");
    const cells = [
      seconds.toFixed(2),
      Math.round(rows / seconds / 1000),
      medianOf(peer, "cpu").toFixed(1),
      medianOf(peer, "serverCpu").toFixed(1),
      medianOf(peer, "peakMb").toFixed(0),
      peer.upserts ? "yes" : "no",
    ];
    console.log(`| ${peer.name} | ${cells.join(" | ")} |`);
  }
}
