import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { csvFile } from "../support/bars.ts";
import { callBarline } from "../support/call.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

const BARS = "SELECT provider, symbol, timeframe, ts::text, close, volume, status FROM bars ORDER BY 1, 2, 3, 4";
const at = (work: Workspace) => ["--database", work.database, "--data-dir", work.dataDir, "--log-level", "error"];

testWhere(
  missingServer(),
  "import verifies an export, loads it under its providers, and counts; the load can be undone",
  async () => {
    await using work = await openWorkspace(server);
    for (const [provider, symbol] of [["kraken", "BTC/USD"], ["kraken", "ETH/USD"], ["alpaca", "BTC/USD"]]) {
      const file = await work.write("bars.csv", csvFile(30, symbol));
      const args = ["ingest", ...at(work), "--http", "off", "--json", "--file", file, "--file-provider", provider];
      assertEquals((await callBarline(args)).json?.stored, 30);
    }
    const output = join(work.directory, "bars");
    const exported = await callBarline([
      "export",
      ...at(work),
      "--partition-by",
      "symbol",
      "--output",
      output,
      "--json",
    ]);
    assertEquals([exported.code, exported.json?.rows, exported.json?.files], [0, 90, 3], exported.stderr);

    await using other = await openWorkspace(server);
    const imported = await callBarline(["import", output, ...at(other), "--json"]);
    assertEquals([imported.code, imported.json], [0, { ok: true, kind: "bar", files: 3, rows: 90, stored: 90 }]);
    assertEquals(await other.query(BARS), await work.query(BARS));
    const again = await callBarline(["import", output, ...at(other), "--json"]);
    assertEquals([again.code, again.json?.stored], [0, 90], again.stderr);
    for (const id of ["1", "2"]) await callBarline(["loads", "undo", id, "--database", other.database, "--yes"]);
    assertEquals(await other.count(), 0);

    const path = join(output, "provider=kraken/symbol=BTC%2FUSD/part-0.parquet");
    const bytes = await Deno.readFile(path);
    const importing = () => callBarline(["import", output, ...at(other), "--json"]);
    await Deno.writeFile(path, bytes.with(200, bytes[200] ^ 1));
    const damaged = await importing();
    assertEquals([damaged.code, await other.count()], [1, 0]);
    assertStringIncludes(damaged.stderr, `part-0.parquet" has the SHA-256 `);
    await Deno.writeFile(path, bytes.subarray(0, -1));
    assertStringIncludes(
      (await importing()).stderr,
      `has ${bytes.length - 1} bytes, and the manifest says ${bytes.length}`,
    );
    await Deno.remove(path);
    assertStringIncludes((await importing()).stderr, "is missing");
    await Deno.writeFile(path, bytes);
    await Deno.writeFile(join(output, "more.parquet"), bytes);
    assertStringIncludes((await importing()).stderr, '"more.parquet" is not in the manifest');
    await Deno.remove(join(output, "more.parquet"));
    const verified = await callBarline(["import", output, "--verify", ...at(other)]);
    assertEquals([verified.code, verified.stdout, await other.count()], [0, "Verified 3 files with 90 bar records", 0]);
    const none = await callBarline(["import", work.directory, ...at(other)]);
    assertEquals(none.code, 2);
    assertStringIncludes(none.stderr, "it has no _manifest.json, expected a directory of barline export");
  },
);
