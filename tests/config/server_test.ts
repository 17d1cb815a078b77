import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describeTarget } from "../../src/config/database.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { makeDirectory } from "../support/providers.ts";

/** Where records go with these sources, whose `HOME` is a directory with these files, and what is warned of. */
async function targetOf(
  { env = {}, dotenv = "", file = "", flag, home = {}, mode = 0o600 }: {
    env?: Record<string, string>;
    dotenv?: string;
    file?: string;
    flag?: string;
    home?: Record<string, string>;
    mode?: number;
  },
) {
  await using directory = await makeDirectory();
  for (const [name, text] of Object.entries(home)) {
    await Deno.chmod(await directory.write(name, text), mode);
  }
  const variables: Record<string, string> = { HOME: directory.path, USER: "me", ...env };
  const { target, sources, warnings } = loadConfig({
    flags: new Map(flag === undefined ? [] : [["database", flag]]),
    env: (name) => variables[name],
    variables: Object.keys(env),
    dotenv: await directory.write(".env", dotenv),
    file: await directory.write("barline.yaml", file),
  });
  const source = sources.get("database")!.replaceAll(`${directory.path}/`, "");
  const password = target?.password ?? target?.hosts[0].password;
  const told = warnings.map((each) => each.replaceAll(`${directory.path}/`, ""));
  return { url: target && describeTarget(target), password, source, sslmode: target?.sslmode, warnings: told };
}

Deno.test("a lone password completes the server of a weaker source, and never takes its place", async () => {
  const found = await targetOf({
    file: "database: postgres://barline@prod/market?sslmode=verify-full\n",
    env: { POSTGRES_PASSWORD: "geheim" },
  });
  assertEquals([found.url, found.password, found.sslmode, found.source], [
    "postgres://barline@prod:5432/market",
    "geheim",
    "verify-full",
    "barline.yaml",
  ]);
});

Deno.test("a lone user completes a URL that has none, and a password is given to its user alone", async () => {
  const env = { POSTGRES_USER: "writer", POSTGRES_PASSWORD: "geheim" };
  const completed = await targetOf({ flag: "postgres://db/market", env });
  assertEquals([completed.url, completed.password], ["postgres://writer@db:5432/market", "geheim"]);
  const others = await targetOf({ flag: "postgres://barline@db/market", env });
  assertEquals([others.url, others.password], ["postgres://barline@db:5432/market", undefined]);
});

Deno.test("POSTGRES_HOST in .env takes the password of the environment", async () => {
  const found = await targetOf({
    dotenv: "POSTGRES_HOST=db\nPOSTGRES_DB=market\n",
    env: { POSTGRES_PASSWORD: "geheim" },
  });
  assertEquals([found.url, found.password, found.source], [
    "postgres://postgres@db:5432/market",
    "geheim",
    "POSTGRES_* in .env",
  ]);
});

Deno.test("a URL without a password takes POSTGRES_PASSWORD, else PGPASSWORD, else .pgpass", async () => {
  const flag = "postgres://barline@db:6000/market";
  const pgpass = "# comment\nother:*:*:*:no\ndb:6000:market:bar\\:line:no\n*:6000:market:barline:a\\:b\\\\c\n";
  const given = { POSTGRES_PASSWORD: "first", PGPASSWORD: "second" };
  const home = { ".pgpass": pgpass };
  assertEquals((await targetOf({ flag, home, env: given })).password, "first");
  assertEquals((await targetOf({ flag, home, env: { PGPASSWORD: "second" } })).password, "second");
  assertEquals((await targetOf({ flag, home })).password, "a:b\\c");
  assertEquals((await targetOf({ flag: "postgres://barline@db:6001/market", home })).password, undefined);
  assertEquals((await targetOf({ flag: `${flag}?password=own`, home, env: given })).password, "own");
});

Deno.test("each of several hosts, and a socket, has the password of its line in .pgpass", async () => {
  const home = { ".pgpass": "localhost:5432:*:*:socket\nb:5432:*:*:b\n" };
  assertEquals((await targetOf({ flag: "postgres://me@%2Frun%2Fpostgresql/market", home })).password, "socket");
  assertEquals((await targetOf({ flag: "postgres://me@b,a/market", home })).password, "b");
});

Deno.test("a .pgpass that others may read is not used, with a warning", async () => {
  const home = { ".pgpass": "*:*:*:*:geheim\n" };
  const { password, warnings } = await targetOf({ flag: "postgres://me@localhost/x", home, mode: 0o644 });
  assertEquals(password, undefined);
  assertEquals(warnings, ['The password file ".pgpass" is not used: others may read it. Run chmod 600 on it']);
});

Deno.test("PGHOST alone selects a server, with the other variables of libpq", async () => {
  const alone = await targetOf({ env: { PGHOST: "db" } });
  assertEquals([alone.url, alone.source], ["postgres://me@db:5432/me", "PGHOST in environment"]);
  const env = {
    PGHOST: "/run/postgresql",
    PGPORT: "6000",
    PGDATABASE: "market",
    PGUSER: "barline",
    PGPASSWORD: "p@:/",
  };
  const all = await targetOf({ env });
  assertEquals([all.url, all.password], ["postgres://barline@%2Frun%2Fpostgresql:6000/market", "p@:/"]);
});

Deno.test("PGSERVICE alone selects a server, and the service is stronger than the variables", async () => {
  const home = { ".pg_service.conf": "[other]\nhost=no\n[market]\n# comment\nhost=db\ndbname=bars\nuser=reader\n" };
  const found = await targetOf({ home, env: { PGSERVICE: "market", PGUSER: "me", PGPORT: "6000" } });
  assertEquals([found.url, found.source], ["postgres://reader@db:6000/bars", "PGSERVICE in environment"]);
});

Deno.test("an unknown service is refused, and does not lead to the embedded database", async () => {
  const error = await targetOf({ env: { PGSERVICE: "nosuch" } }).catch((error) => error);
  assertThrows(
    () => {
      throw error;
    },
    ConfigError,
    'Cannot use "PGSERVICE" from environment: current value is "nosuch", expected a service in ',
  );
  assertStringIncludes(error.message, ".pg_service.conf");
});

Deno.test("a stray PGPASSWORD, PGUSER or PGDATABASE does not replace the embedded database by a server", async () => {
  const { url, source } = await targetOf({ env: { PGPASSWORD: "geheim", PGUSER: "me", PGDATABASE: "market" } });
  assertEquals([url, source], [undefined, "default"]);
});

Deno.test("a URL, or the word embedded, is stronger than PGHOST, wherever it stands", async () => {
  const env = { PGHOST: "db" };
  assertEquals((await targetOf({ env, file: "database: postgres://me@prod/x\n" })).url, "postgres://me@prod:5432/x");
  assertEquals((await targetOf({ env, dotenv: "POSTGRES_HOST=own\n" })).url, "postgres://postgres@own:5432/postgres");
  assertEquals((await targetOf({ env, flag: "embedded" })).url, undefined);
  // A lone password is that of the server which PGHOST selects.
  const completed = await targetOf({ env: { ...env, POSTGRES_PASSWORD: "geheim" } });
  assertEquals([completed.url, completed.password], ["postgres://me@db:5432/me", "geheim"]);
});

Deno.test("an unknown variable that looks like an option causes a warning, with the nearest name if one is near", async () => {
  const { warnings } = await targetOf({
    env: { BARLINE_BATCHSIZE: "5", BARLINE_CONFIG: "", BARLINE_ACME_TOKEN: "x", BARLINE_FRUIT: "z", OTHER: "y" },
    dotenv: "BARLINE_SYMBOL=AAPL\n",
    file: "tenants:\n  - { name: acme, httpToken: BARLINE_ACME_TOKEN }\n",
  });
  assertEquals(warnings, [
    "Unknown variable BARLINE_BATCHSIZE in environment, did you mean BARLINE_BATCH_SIZE?",
    "Unknown variable BARLINE_FRUIT in environment",
    "Unknown variable BARLINE_SYMBOL in .env, did you mean BARLINE_SYMBOLS?",
  ]);
});

Deno.test("a part of an address above the URL of a weaker source is refused: the server would change silently", async () => {
  const file = "database: postgres://barline@prod/market\n";
  for (const [name, value] of [["POSTGRES_DB", "test"], ["POSTGRES_PORT", "6000"]]) {
    const error = await targetOf({ file, env: { [name]: value, POSTGRES_PASSWORD: "geheim" } }).catch((error) => error);
    assertStringIncludes(
      error.message,
      `Cannot use "${name}" from environment: current value is "${value}" without POSTGRES_HOST`,
    );
  }
  assertEquals(
    (await targetOf({ file, env: { POSTGRES_HOST: "db", POSTGRES_DB: "x" } })).url,
    "postgres://postgres@db:5432/x",
  );
});

Deno.test("a part of an address completes the POSTGRES_HOST of a weaker source", async () => {
  const { url } = await targetOf({ dotenv: "POSTGRES_HOST=db\nPOSTGRES_DB=market\n", env: { POSTGRES_DB: "test" } });
  assertEquals(url, "postgres://postgres@db:5432/test");
});

Deno.test("a connection to another machine that is not encrypted is warned of", async () => {
  const warningsOf = async (flag: string) => (await targetOf({ flag })).warnings;
  for (const host of ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"]) {
    assertEquals(await warningsOf(`postgres://me@${host}/x`), []);
  }
  assertEquals(await warningsOf("postgres://me@db.example/x?sslmode=require"), []);
  assertStringIncludes(
    (await warningsOf("postgres://localhost,db.example:6543/x"))[0],
    'The connection to db.example:6543 is not encrypted: sslmode is "disable", expected "verify-full"',
  );
});
