/**
 * The journal's files damaged between two runs: whatever was done to them, the next one starts, and delivers all that the
 * damage did not hit.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { withClient } from "../../../src/database/database.ts";
import { journalDirectory, listSegments } from "../../../src/journal/format.ts";
import { inspectSegment } from "../../../src/journal/inspect.ts";
import { databaseAt } from "../../support/server_tests.ts";
import { compare, SYMBOLS } from "../harness/oracle.ts";
import type { Random } from "../harness/random.ts";
import type { Scenario, Trial } from "../harness/scenario.ts";
import { WITHOUT_OVERRIDE } from "../harness/surroundings.ts";
import { readTable } from "../harness/table.ts";

/** Damages the files of a journal, and gives how many records may be gone by it. */
type Damage = (directory: string, random: Random) => Promise<number>;

/** A segment by chance. */
async function anySegment(directory: string, random: Random): Promise<string> {
  return random.pick(await listSegments(directory));
}

/** Records of the entries that have bytes between two places of a segment. */
async function recordsBetween(path: string, from: number, to: number): Promise<number> {
  let sum = 0;
  await inspectSegment(path, 0, ({ at, size, records }) => {
    if (at < to && at + size > from) sum += records;
  });
  return sum;
}

async function rewrite(path: string, fn: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): Promise<void> {
  await Deno.writeFile(path, fn(await Deno.readFile(path)));
}

const damages: Readonly<Record<string, Damage>> = {
  async truncate(directory, random) {
    const path = await anySegment(directory, random);
    const { size } = await Deno.stat(path);
    const end = random.pick([0, random.between(1, 40), random.between(0, size), size - random.between(1, 40)]);
    const lost = await recordsBetween(path, end, size);
    await Deno.truncate(path, end);
    return lost;
  },
  async "flip bits"(directory, random) {
    let lost = 0;
    for (let flips = random.pick([1, 1, 10]); flips > 0; flips--) {
      const path = await anySegment(directory, random);
      const at = random.between(0, (await Deno.stat(path)).size - 1);
      lost += await recordsBetween(path, at, at + 1);
      await rewrite(path, (bytes) => {
        bytes[at] ^= 1 << random.between(0, 7);
        return bytes;
      });
    }
    return lost;
  },
  async "zeros at the end"(directory, random) {
    const path = await anySegment(directory, random);
    const { size } = await Deno.stat(path);
    const from = random.pick([size, size - random.between(1, Math.min(size, 8192))]);
    const lost = await recordsBetween(path, from, size);
    await rewrite(path, (bytes) => {
      const grown = new Uint8Array(size + random.between(1, 8192));
      grown.set(bytes.subarray(0, from));
      return grown;
    });
    return lost;
  },
  async "garbage within"(directory, random) {
    const path = await anySegment(directory, random);
    const { size } = await Deno.stat(path);
    const from = random.between(0, size);
    const to = Math.min(size, from + random.between(1, 70_000));
    const lost = await recordsBetween(path, from, to);
    const garbage = crypto.getRandomValues(new Uint8Array(random.between(0, 65_536)));
    await rewrite(path, (bytes) => new Uint8Array([...bytes.subarray(0, from), ...garbage, ...bytes.subarray(to)]));
    return lost;
  },
  async "segment removed"(directory, random) {
    const path = await anySegment(directory, random);
    const lost = await recordsBetween(path, 0, Infinity);
    await Deno.remove(path);
    return lost;
  },
  async "segment that cannot be read"(directory, random) {
    const path = await anySegment(directory, random);
    await Deno.chmod(path, 0);
    return await recordsBetween(path, 0, Infinity);
  },
  async "pointer removed"(directory) {
    await Deno.remove(join(directory, "pointer"));
    return 0;
  },
  async "pointer damaged"(directory, random) {
    const bytes = crypto.getRandomValues(new Uint8Array(random.pick([0, 1, 24, 48, 4096])));
    await Deno.writeFile(join(directory, "pointer"), bytes);
    return 0;
  },
  async "lock removed"(directory) {
    await Deno.remove(join(directory, "lock"));
    return 0;
  },
  async "strangers among the files"(directory) {
    await Deno.mkdir(join(directory, "0000000000009999.segment"));
    await Deno.symlink("nowhere", join(directory, "0000000000009998.segment"));
    await Deno.writeTextFile(join(directory, "0000000000009997.segment"), "");
    await Deno.writeTextFile(join(directory, "0000000000009996.segment"), "what is this");
    await Deno.writeTextFile(join(directory, "notes.txt"), "what is this");
    return 0;
  },
};

/** As somebody to whom a file can say no. */
const mortal = { through: WITHOUT_OVERRIDE };

/** Leaves a journal of many segments behind, by a kill in an outage; gives how many bars were accepted. */
async function journalOf(trial: Trial): Promise<number> {
  const { control, random } = trial;
  const mode = random.pick(["durable", "overflow"]);
  const run = await trial.ingest([
    ...["--speed", String(20_000 * 60 / SYMBOLS.length), "--journal", mode, "--journal-max-bytes", String(2 << 20)],
    ...["--linger-ms", "0"],
  ]);
  await run.stored(1);
  await control.stop("fast");
  try {
    await run.until((value) => value >= 12_000, "barline_records_journaled");
    const accepted = await run.read("barline_records_received_total");
    // What was in memory alone is no business of this scenario.
    const inMemory = mode === "durable" ? 0 : await run.read("barline_records_in_flight");
    await run.kill();
    return accepted - inMemory;
  } finally {
    await control.start();
  }
}

/** Scenarios of a damaged journal. */
export const damage: readonly Scenario[] = [{
  name: "journal-damaged",
  promise: "a journal that was damaged in any way delivers what was not hit, and never refuses a start",
  async run(trial) {
    const { work, random } = trial;
    const accepted = await journalOf(trial);
    const directory = journalDirectory(work.dataDir);
    const name = random.pick(Object.keys(damages));
    const lost = await damages[name](directory, random);
    if (random.between(0, 1) === 1) {
      const repaired = await work.run(["journal", "repair", "--data-dir", work.dataDir], mortal);
      assertEquals(repaired.code, 0, repaired.stderr);
      const verified = await work.run(["journal", "verify", "--data-dir", work.dataDir], mortal);
      assertEquals(verified.code, 0, `after ${name}: ${verified.stdout}${verified.stderr}`);
    }
    // A directory may be moved, and read back in any mode.
    const moved = `${work.dataDir}-moved`;
    await Deno.rename(work.dataDir, moved);
    const { code, json, stderr } = await work.ingest([
      ...["--provider", "mock", "--symbols", SYMBOLS.join(","), "--limit", "5", "--data-dir", moved],
      ...random.pick([[], ["--journal", "durable"], ["--journal", "overflow"]]),
    ], mortal);
    assertEquals([code, json.journaled], [0, 0], `after ${name}: ${stderr}`);
    // Each minute has a bar of each symbol.
    const [{ sent }] = await work.query(
      `SELECT ((extract(epoch FROM max(ts) - '2000-01-01Z') / 60 + 1) * ${SYMBOLS.length})::int AS sent FROM bar`,
    );
    const { stored, wrong } = await withClient(
      databaseAt(work.database),
      (client) => compare(sent as number, { table: readTable(client), letters: [] }),
    );
    assertEquals(wrong, [], `after ${name}`);
    assert(stored >= accepted - lost, `${name} may cost ${lost} of ${accepted} bars, ${stored} are stored: ${stderr}`);
  },
}];
