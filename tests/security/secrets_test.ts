import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { KEY as ALPACA_KEY, SECRET as ALPACA_SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";
import { KEY as MASSIVE_KEY, startFakeMassive } from "../support/fake_massive.ts";
import { csvFile } from "../support/bars.ts";
import { until } from "../support/until.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

const PASSWORD = "pa%ss:w@rd/of?tests";
const TOKEN = "t0ken-of-the-http-interface";
const HOOK = "h00k-of-the-webhook";
const SECRETS = [ALPACA_KEY, ALPACA_SECRET, MASSIVE_KEY, PASSWORD, TOKEN, HOOK];

/** A secret as it is, and as URLs, JSON and basic authorization write it. */
const forms = SECRETS.flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  encodeURI(secret),
  JSON.stringify(secret).slice(1, -1),
  btoa(secret).replace(/=+$/, ""),
]);

/** Fails where a text has a secret, with what stands around it. */
function assertClean(where: string, text: string): void {
  for (const form of forms) {
    const at = text.indexOf(form);
    assert(at < 0, `${where} shows "${form}": ${text.slice(Math.max(0, at - 100), at + form.length + 20)}`);
  }
}

/** Bytes as text that keeps every one of them. */
async function readTree(path: string): Promise<[string, string][]> {
  const read: [string, string][] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    const below = join(path, name);
    if (isDirectory) read.push(...await readTree(below));
    else read.push([below, new TextDecoder("latin1").decode(await Deno.readFile(below))]);
  }
  return read;
}

/** The database's URL with a user of that password, which the server does not ask for. */
function withPassword(url: string, host?: string): string {
  const secret = new URL(url);
  secret.password = encodeURIComponent(PASSWORD);
  if (host !== undefined) secret.host = host;
  return secret.href;
}

Deno.test("no key, password or token is in any output, page, file or command line of a run", async () => {
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  await using massive = startFakeMassive();
  // Both repeat what they were given, in messages and answers.
  const echo = `who is ${ALPACA_KEY} with ${ALPACA_SECRET}?`;
  alpaca.refusals.push({ code: 500, msg: echo, close: true });
  alpaca.mishaps.push({ status: 500, body: { message: echo } }, { status: 422, body: { message: echo } });
  const massiveEcho = `who is ${MASSIVE_KEY}?`;
  massive.script.mishaps.push({ status: 500, body: { error: massiveEcho } }, {
    status: 400,
    body: { error: massiveEcho },
  });
  massive.script.greeting.push({ ev: "status", status: "odd", message: massiveEcho });
  const env = {
    ...alpaca.variables,
    ...massive.variables,
    BARLINE_HTTP_TOKEN: TOKEN,
    BARLINE_FEEDBACK_URL: `http://user:${HOOK}@127.0.0.1:1/${HOOK}?token=${HOOK}`,
    ...(server === undefined ? {} : { DATABASE_URL: withPassword(work.database) }),
  };
  const target = ["--data-dir", work.dataDir];

  const feeds = ["--provider", "alpaca", "--provider", "massive", "--provider", "mock", "--symbols", "AAPL,NONE"];
  for (const format of ["text", "json"]) {
    const options = ["--log-level", "debug", "--log-format", format, "--http", "127.0.0.1:0", "--capacity", "10"];
    const running = work.start(["ingest", ...feeds, ...options, ...target, "--json", "--journal", "durable"], { env });
    const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(await running.line(/Serving/))!;
    await until(async () =>
      /^barline_records_stored_total\{tenant="default"\} [1-9]/m.test(await (await fetch(`${address}/metrics`)).text())
    );
    for (const path of ["metrics", "health", "readyz", "api/overview", "api/samples", "api/dead-letters", "nowhere"]) {
      assertClean(`/${path}`, await (await fetch(`${address}/${path}`)).text());
    }
    const drain = { method: "POST", headers: { authorization: `Bearer ${TOKEN}x` } };
    assertClean("refusal", await (await fetch(`${address}/-/drain?token=${TOKEN}`, drain)).text());
    if (Deno.build.os === "linux") {
      assertClean("process listing", await Deno.readTextFile(`/proc/${running.pid}/cmdline`));
    }
    running.kill("SIGTERM");
    const { stdout, stderr } = await running.ended;
    assertClean("stdout", stdout);
    assertClean(`log as ${format}`, stderr);
  }

  const bad = await work.write("bad.csv", `${csvFile(3)}broken\n`);
  const away = server === undefined ? [] : [{ DATABASE_URL: withPassword(work.database, "127.0.0.1:1") }];
  const wrong = [
    { DATABASE_URL: `postgres://user:${encodeURIComponent(PASSWORD)}@host:port/name` },
    { DATABASE_URL: `mysql://user:${encodeURIComponent(PASSWORD)}@host/name` },
    { DATABASE_URL: `postgres://user:${encodeURIComponent(PASSWORD)}@host/name?sslmode=maybe` },
    { DATABASE_URL: `postgres://user:2024/${PASSWORD}@host/name` },
    { DATABASE_URL: `postgres://user:2024?x=${PASSWORD}@host/name` },
    { DATABASE_URL: `postgres://user:2024#${PASSWORD}@host/name` },
    { POSTGRES_HOST: "a b", POSTGRES_PASSWORD: PASSWORD },
    { BARLINE_FEEDBACK_URL: `ftp://${HOOK}` },
    { ALPACA_STREAM_URL: `wss://${ALPACA_KEY}:${ALPACA_SECRET}@host/` },
    { ALPACA_API_KEY: `${ALPACA_KEY}\n`, MASSIVE_API_KEY: ` ${MASSIVE_KEY} ` },
    { MASSIVE_REST_URL: `ftp://host/?apiKey=${MASSIVE_KEY}` },
    { MASSIVE_REST_URL: `https://host/?apiKey=${MASSIVE_KEY}`, MASSIVE_STREAM_URL: `wss://${MASSIVE_KEY}:@host/` },
  ];
  const file = ["ingest", "--file", bad, "--http", "off", ...target];
  const feed = ["ingest", ...feeds, "--limit", "1", "--http", "off", "--drain-timeout", "0", ...target];
  const doctor = ["doctor", "--http", "127.0.0.1:0", ...target];
  const config = [["config", "show"], ["config", "check"]];
  const trials = [
    ...[{}, ...away].flatMap((given) =>
      [file, doctor, [...doctor, "--json"], ["migrate", ...target], ["dlq", "replay", ...target], ...config]
        .map((args) => ({ given, args }))
    ),
    ...wrong.flatMap((given) => [feed, ...config].map((args) => ({ given, args }))),
  ];
  for (const { given, args } of trials) {
    const { stdout, stderr } = await work.run(args, { env: { ...env, ...given } });
    assertClean(`${args.slice(0, 2).join(" ")} with ${JSON.stringify(given)}`, stdout + stderr);
  }
  for (const args of [["list"], ["show"]]) {
    const { code, stdout, stderr } = await work.run(["dlq", ...args, ...target], { env });
    assertEquals(code, 0);
    assertClean(`dlq ${args}`, stdout + stderr);
  }
  const files = await readTree(work.dataDir);
  assert(files.some(([path]) => path.includes("dead-letters")) && files.some(([path]) => path.includes("positions")));
  for (const [path, text] of files) assertClean(path, text);
});
