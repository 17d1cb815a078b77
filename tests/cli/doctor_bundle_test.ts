import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { addressOf } from "../support/process.ts";
import { openWorkspace } from "../support/workspace.ts";

const SECRETS = {
  BARLINE_HTTP_TOKEN: "token-4f1d8a7c90b2",
  ALPACA_API_KEY: "key-77aa5b1e",
  ALPACA_SECRET_KEY: "secret-c0ffee12",
  NATS_PASSWORD: "nats-99d1f00d",
  MDS_FB_HTTP_ENDPOINT: "http://feeder.example/backpressure?token=hook-5150beef",
};

Deno.test("doctor --bundle has findings, configuration, letters, files and the state of the run, and no secret", async () => {
  await using work = await openWorkspace();
  const file = await work.write("bars.csv", "symbol,ts,open,high,low,close,volume\nA,2024-01-02T14:30:00Z,1,2,3,4,5\n");
  await work.ingest(["--file", file]);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], { env: SECRETS });
  await using stopping = new AsyncDisposableStack();
  stopping.defer(async () => {
    running.kill("SIGTERM");
    await running.ended;
  });
  const address = new URL(await addressOf(running));
  const database = "postgres://me:db-3141592@127.0.0.1:1/market";
  const args = ["doctor", "--bundle", "report.json", "--data-dir", work.dataDir, "--http", address.host];
  const { code, stdout } = await work.run([...args, "--database", database], { env: SECRETS });
  assertEquals(code, 1);
  assertStringIncludes(stdout, "Wrote report.json");

  const path = join(work.directory, "report.json");
  const text = await Deno.readTextFile(path);
  for (const secret of ["db-3141592", ...Object.values(SECRETS).map((each) => each.split("=").at(-1)!)]) {
    assertEquals(text.includes(secret), false, secret);
  }
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  const bundle = JSON.parse(text);
  assertEquals(bundle.findings.find(({ name }: { name: string }) => name === "database").ok, false);
  const configured = bundle.configuration.find(({ name }: { name: string }) => name === "dataDir");
  assertEquals(configured.value, work.dataDir);
  assertEquals(bundle.tenants[0].deadLetters[0].count, 1);
  assert(bundle.dataDirectory.embedded > 1_000_000);
  assert(bundle.dataDirectory.files.some(({ path }: { path: string }) => path.startsWith("dead-letters")));
  assertEquals(bundle.run["/readyz"].ready, true);
  assertStringIncludes(bundle.run["/metrics"], "barline_records_received_total");

  const again = await work.run([...args, "--database", database], { env: SECRETS });
  assertEquals(again.code, 1);
  assertStringIncludes(again.stderr, "Cannot write report.json: it exists");
});
