import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { nkeys } from "@nats-io/transport-node";
import { join } from "@std/path";
import { missingNats, startNats } from "../support/nats.ts";
import { addressOf } from "../support/process.ts";
import { freePort, missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const missing = missingNats() ?? missingServer();
const server = await startSharedServer();

const MOCK = ["--provider", "mock", "--symbols", "AAPL,MSFT", "--speed", "max"];

testWhere(missing, "an edge publishes, a hub stores it under the edge's names, and both tell how it goes", async () => {
  await using nats = await startNats();
  await using work = await openWorkspace(server);
  const at = ["--nats-url", nats.url];
  const edge = work.startIngest([...MOCK, "--rate", "5000", "--sink", "nats", ...at, "--http", "127.0.0.1:0"], {
    endless: true,
  });
  const hub = work.startIngest([
    "--provider",
    "nats",
    ...at,
    "--http",
    "127.0.0.1:0",
    "--data-dir",
    `${work.dataDir}-hub`,
  ], {
    endless: true,
  });
  const [edgeUrl, hubUrl] = [await addressOf(edge), await addressOf(hub)];
  const read = async (url: string) => await (await fetch(url)).text();
  while (!/^barline_records_stored_total\{[^}]*\} [1-9]/m.test(await read(`${hubUrl}/metrics`))) await delay(20);
  const [edgeMetrics, hubMetrics] = [await read(`${edgeUrl}/metrics`), await read(`${hubUrl}/metrics`)];
  assertMatch(edgeMetrics, /^sink_writes_total\{sink="nats",status="success",tenant="default"\} [1-9]/m);
  for (const name of ["lag_messages", "ack_pending", "redelivered_total"]) {
    assertMatch(hubMetrics, new RegExp(`^barline_nats_${name}\\{coord_id="bar",tenant="default"\\} \\d+$`, "m"));
  }
  assertMatch(hubMetrics, /^barline_provider_state\{provider="nats",tenant="default"\} 2$/m);
  // Of the providers whose bars it stores, so that an edge that falls silent is noticed at the hub.
  assertMatch(hubMetrics, /^barline_market_open\{provider="mock",tenant="default"\} 1$/m);
  assertMatch(hubMetrics, /^barline_bars_overdue_seconds\{provider="mock",tenant="default"\} \d/m);
  const { components } = JSON.parse(await read(`${edgeUrl}/health`));
  assertEquals(components[0], { name: "nats", state: "healthy", details: {} });
  assertEquals((await fetch(`${edgeUrl}/readyz`)).status, 200);
  assertEquals(JSON.parse(await read(`${edgeUrl}/api/symbols`)), { series: [], more: false });

  edge.kill("SIGTERM");
  const published = await edge.ended;
  assertEquals([published.code, published.json.received], [0, published.json.stored], published.stderr);
  while (await work.count() < published.json.stored) await delay(20);
  hub.kill("SIGTERM");
  const stored = await hub.ended;
  assertEquals([stored.code, stored.json.stored, stored.json.journaled], [0, published.json.stored, 0], stored.stderr);
  const series = await work.query("SELECT DISTINCT provider, symbol FROM bars ORDER BY symbol");
  assertEquals(series, [{ provider: "mock", symbol: "AAPL" }, { provider: "mock", symbol: "MSFT" }]);
});

testWhere(missing, "a live feed's edge starts while NATS is away, and its journal goes there later", async () => {
  await using nats = await startNats();
  await nats.stop();
  await using work = await openWorkspace(server);
  const at = ["--nats-url", nats.url];
  const quick = ["--circuit-failures", "1", "--circuit-open-ms", "100", "--retry-attempts", "1"];
  const away = [
    ...MOCK,
    "--rate",
    "2000",
    "--limit",
    "4000",
    "--journal",
    "overflow",
    "--sink",
    "nats",
    ...at,
    ...quick,
  ];
  const edge = work.startIngest(away);
  assertStringIncludes(
    await edge.line(/cannot be reached yet/),
    "NATS cannot be reached yet, and records are kept here until it can",
  );
  await edge.line(/The bar circuit is open/);
  await nats.start();
  const { code, json, stderr } = await edge.ended;
  assertEquals([code, json.received, json.stored, json.deadLettered], [0, 4000, 4000, 0], stderr);
  // Without a journal it says what to do, and ends.
  await nats.stop();
  const refused = await work.ingest([...MOCK, "--sink", "nats", ...at]);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "Start nats-server, or correct --nats-url");
});

testWhere(missing, "the journal leaves the frames of the stream alone, whatever mode is wanted", async () => {
  await using nats = await startNats();
  await using work = await openWorkspace(server);
  const at = ["--nats-url", nats.url];
  const dataDir = `${work.dataDir}-edge`;
  await work.ingest([...MOCK, "--limit", "1000", "--sink", "nats", ...at, "--data-dir", dataDir]);
  const { code, json } = await work.ingest(["--provider", "nats", ...at, "--limit", "1000", "--journal", "durable"]);
  assertEquals([code, json.stored, json.journaled], [0, 1000, 0]);
  const files = await Array.fromAsync(Deno.readDir(join(work.dataDir, "journal")), ({ name }) => name).catch(() => []);
  assertEquals(files.filter((name) => !name.includes("lock")), []);
});

testWhere(missing, "doctor tells whether NATS can be reached and the stream is there", async () => {
  await using nats = await startNats();
  await using work = await openWorkspace(server);
  const doctor = async (...args: string[]) => {
    const common = ["--data-dir", work.dataDir, "--http", "off", "--database", work.database];
    const { code, stdout } = await work.run(["doctor", ...common, ...args]);
    return { code, line: stdout.split("\n").find((line) => line.includes(" nats: ")), stdout };
  };
  const at = ["--sink", "nats", "--nats-url", nats.url];
  const before = await doctor(...at);
  assertEquals(before.code, 1);
  assertStringIncludes(before.line!, "there is no stream BARLINE");
  assertStringIncludes(before.line!, "run barline migrate --sink nats");
  assert(!before.stdout.includes("database"), before.stdout);
  assertEquals((await work.run(["migrate", ...at])).code, 0);
  const after = await doctor("--provider", "nats", "--nats-url", nats.url);
  assertEquals(after.code, 0, after.stdout);
  assertMatch(after.line!, /ok {4}nats: .*nats-server 2\.\d+.*stream BARLINE holds 0 messages/);
  assertStringIncludes(after.stdout, "database");
  const gone = await doctor("--sink", "nats", "--nats-url", `nats://127.0.0.1:${freePort()}`);
  assertStringIncludes(gone.line!, "Start nats-server, or correct --nats-url");
});

testWhere(missing, "a login that NATS refuses at a start exits 2", async () => {
  await using nats = await startNats({ config: 'authorization { user: "me", password: "richtig" }' });
  await using work = await openWorkspace(server);
  const env = { NATS_URL: nats.url, NATS_USER: "me", NATS_PASSWORD: "falsch" };
  const { code, json, stderr } = await work.run(
    ["ingest", "--json", ...MOCK, "--sink", "nats", "--limit", "10", "--http", "off", "--data-dir", work.dataDir],
    { env },
  );
  assertEquals([code, json.ended], [2, "failed"], stderr);
  assertStringIncludes(stderr, "Check user and password");
});

testWhere(missing, "no secret of NATS is in any output", async () => {
  const secret = "pa%ss:w@rd/of?tests";
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  await using nats = await startNats({ config: `authorization { user: "me", password: ${JSON.stringify(secret)} }` });
  await using work = await openWorkspace(server);
  const inUrl = nats.url.replace("://", `://me:${encodeURIComponent(secret)}@`);
  const environments: Record<string, string>[] = [
    { NATS_URL: inUrl },
    { NATS_URL: `${inUrl}x` },
    { NATS_URL: inUrl.replace("nats:", "http:") },
    { NATS_URL: nats.url, NATS_USER: "me", NATS_PASSWORD: secret },
    { NATS_URL: nats.url, NATS_USER: "you", NATS_PASSWORD: secret },
    { NATS_URL: nats.url, NATS_TOKEN: secret },
    { NATS_URL: nats.url, NATS_NKEY: seed },
    { NATS_URL: nats.url, NATS_NKEY: seed.slice(0, -1) },
  ];
  const target = ["--data-dir", work.dataDir];
  const edge = [
    "ingest",
    ...MOCK,
    "--sink",
    "nats",
    "--limit",
    "10",
    "--http",
    "off",
    "--log-level",
    "debug",
    ...target,
  ];
  let entered = 0;
  const doctor = ["doctor", "--sink", "nats", "--http", "off", ...target];
  for (const [at, env] of environments.entries()) {
    // The others would say what these do.
    const more = at % 4 === 0 ? [["migrate", "--sink", "nats"], doctor] : [];
    for (const args of [edge, ["config", "show"], ...more]) {
      const { code, stdout, stderr } = await work.run(args, { env });
      if (args === edge && code === 0) entered++;
      for (
        const form of [
          secret,
          encodeURIComponent(secret),
          encodeURI(secret),
          btoa(secret).replace(/=+$/, ""),
          seed,
          seed.slice(0, -1),
        ]
      ) {
        assert(!(stdout + stderr).includes(form), `${args[0]} shows ${form}: ${stdout}${stderr}`);
      }
    }
  }
  assertEquals(entered, 2);
});
