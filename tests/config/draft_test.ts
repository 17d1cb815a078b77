import { assert, assertEquals } from "@std/assert";
import { parse as parseDotenv } from "dotenv";
import { parse as parseYaml } from "yaml";
import { draftEnv, draftYaml, splitPassword } from "../../src/config/draft.ts";

const draft = { provider: "kraken", symbols: ["BTC/USD", "it's: #odd"], variables: new Map() };

Deno.test("a first configuration has the choices alone, in at most 25 lines", () => {
  assertEquals(parseYaml(draftYaml(draft)), { provider: "kraken", symbols: ["BTC/USD", "it's: #odd"] });
  const whole = { ...draft, timeframe: "5m", database: "postgres://u@h/d", dataDir: "/var/lib/barline" };
  const text = draftYaml(whole);
  assertEquals(parseYaml(text), {
    provider: "kraken",
    symbols: ["BTC/USD", "it's: #odd"],
    timeframe: "5m",
    database: "postgres://u@h/d",
    dataDir: "/var/lib/barline",
  });
  assert(text.split("\n").length <= 25);
});

Deno.test("variables are added to a .env file, or replaced where there is a new value, and all else stays", () => {
  const before = "# mine\nOTHER=1\nexport KEY=old\nSECRET=kept";
  const values = new Map([["KEY", "new $value"], ["SECRET", ""], ["PASSWORD", "a b'c#d"]]);
  const after = draftEnv(before, values);
  assertEquals(parseDotenv(after), { OTHER: "1", KEY: "new $value", SECRET: "kept", PASSWORD: "a b'c#d" });
  assert(after.startsWith("# mine\nOTHER=1\n"));
  assertEquals(draftEnv(after, values), after);
});

for (
  const [url, expected] of [
    ["postgres://u:p%40ss@h:5432/d?sslmode=require", {
      url: "postgres://u@h:5432/d?sslmode=require",
      password: "p@ss",
    }],
    ["postgresql://u@h/d", { url: "postgresql://u@h/d" }],
    ["postgres://h:5432/d", { url: "postgres://h:5432/d" }],
    ["embedded", { url: "embedded" }],
  ] as const
) {
  Deno.test(`the password of ${url} is split off`, () => assertEquals(splitPassword(url), expected));
}
