import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ConfigInputs, describeConfig, loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { optionSpecs } from "../../src/config/options.ts";
import { makeDirectory } from "../support/providers.ts";

/** Loads with these sources; `file` and `dotenv` are contents. */
async function load(given: {
  flags?: Record<string, unknown>;
  env?: Record<string, string>;
  dotenv?: string;
  file?: string;
  check?: ConfigInputs["check"];
}) {
  await using directory = await makeDirectory();
  const dotenv = `${directory.path}/.env`;
  if (given.dotenv !== undefined) await directory.write(".env", given.dotenv);
  const file = given.file === undefined ? undefined : await directory.write("barline.yaml", given.file);
  const config = loadConfig({
    flags: new Map(Object.entries(given.flags ?? {})),
    env: (name) => given.env?.[name],
    dotenv,
    file,
    check: given.check,
  });
  return {
    ...config,
    source: (name: string) => config.sources.get(name as never)!.replaceAll(`${directory.path}/`, ""),
  };
}

/** Loads what is wrong, and gives the problems. */
async function problemsOf(given: Parameters<typeof load>[0]) {
  try {
    await load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("Nothing was found to be wrong");
}

/** One option of each type: its value in each source, weakest first, as text and as what it comes to. */
const options: Record<string, { flag: string; values: [string, unknown][] }> = {
  batchSize: { flag: "BATCH_SIZE", values: [["11", 11], ["22", 22], ["33", 33], ["44", 44]] },
  symbols: { flag: "SYMBOLS", values: [["A", ["A"]], ["B,C", ["B", "C"]], ["D", ["D"]], ["E, F", ["E", "F"]]] },
  speed: { flag: "SPEED", values: [["1", 1], ["max", "max"], ["0.5", 0.5], ["1e3", 1000]] },
  resume: { flag: "RESUME", values: [["true", true], ["false", false], ["on", true], ["0", false]] },
  repairShare: { flag: "REPAIR_SHARE", values: [["0", 0], ["0.2", 0.2], ["1", 1], ["0.5", 0.5]] },
  repairRequests: { flag: "REPAIR_REQUESTS", values: [["1", 1], ["20", 20], ["300", 300], ["4000", 4000]] },
  repairDays: { flag: "REPAIR_DAYS", values: [["1", 1], ["7", 7], ["60", 60], ["365", 365]] },
  logLevel: {
    flag: "LOG_LEVEL",
    values: [["debug", "debug"], ["error", "error"], ["warning", "warning"], ["info", "info"]],
  },
};
for (const [name, { flag, values }] of Object.entries(options)) {
  Deno.test(`${name}: the flag is stronger than the environment, that than .env, that than the file`, async () => {
    const [file, dotenv, env, given] = values;
    const layers: Parameters<typeof load>[0][] = [
      { file: `${name}: ${file[0]}\n` },
      { dotenv: `BARLINE_${flag}="${dotenv[0]}"\n` },
      { env: { [`BARLINE_${flag}`]: env[0] } },
      { flags: { [name]: given[0] } },
    ];
    for (let count = 1; count <= layers.length; count++) {
      const { settings } = await load(Object.assign({}, ...layers.slice(0, count)));
      assertEquals(settings[name as "speed"], values[count - 1][1] as number);
    }
  });
}

Deno.test("every option has its default without any source", async () => {
  const { settings, sources } = await load({});
  for (const { name, default: value } of optionSpecs) {
    assertEquals(settings[name], value as never);
    assertEquals(sources.get(name), "default");
  }
});

Deno.test("sweeps are on or off, and options of repairs beyond their bounds are refused", async () => {
  assertEquals((await load({ file: 'sweep: "off"\n' })).settings.sweep, "off");
  const problems = await problemsOf({
    flags: { repairShare: "1.5", repairRequests: "0", repairDays: "0.5", sweep: "perhaps" },
  });
  assertEquals(problems.map(({ key }) => key).toSorted(), ["repairDays", "repairRequests", "repairShare", "sweep"]);
});

Deno.test("an empty variable is as good as none", async () => {
  const { settings, source } = await load({ env: { BARLINE_WORKERS: "" }, dotenv: "BARLINE_WORKERS=7\n" });
  assertEquals([settings.workers, source("workers")], [7, "BARLINE_WORKERS in .env"]);
});

for (const key of ["batchSize", "batch-size", "batch_size"]) {
  Deno.test(`the file may say ${key}`, async () => {
    assertEquals((await load({ file: `${key}: 77\n` })).settings.batchSize, 77);
  });
}

Deno.test("the file may hold lists, numbers and switches as YAML has them", async () => {
  const { settings } = await load({ file: "symbols: [A, B]\nfile:\n  - a,b.csv\nworkers: 3\njson: true\n" });
  assertEquals([settings.symbols, settings.file, settings.workers, settings.json], [["A", "B"], ["a,b.csv"], 3, true]);
});

Deno.test("a comma in the name of a file does not part it", async () => {
  assertEquals((await load({ flags: { file: ["a,b.csv", "c.csv"] } })).settings.file, ["a,b.csv", "c.csv"]);
});

Deno.test("an unknown key of the file is a problem, and the nearest is named", async () => {
  const [problem] = await problemsOf({ file: "batch_sise: 5\n" });
  assertEquals([problem.key, problem.message], ["batch_sise", 'no such option, did you mean "batchSize"?']);
});

Deno.test("all problems are reported at once, each with key, source, current and expected value", async () => {
  const problems = await problemsOf({
    flags: { batchSize: "0", http: "here", logFormat: "xml" },
    env: { BARLINE_WORKERS: "many" },
    dotenv: "BARLINE_LOG_LEVEL=loud\n",
    file: "capacity: -1\nworker: 1\n",
    check: ({ settings }) => [{ key: "check", source: "test", message: `${settings.batchSize}` }],
  });
  const told = problems.map(({ key, source, message }) => `${key} from ${source.split("/").at(-1)}: ${message}`);
  assertEquals(told.toSorted(), [
    'batchSize from --batch-size: current value is "0", expected a whole number from 1 to 100000',
    "capacity from barline.yaml: current value is -1, expected a whole number from 1 to 1000000000",
    // What is wrong by itself has its default for the checks that follow.
    `check from test: ${(await load({})).settings.batchSize}`,
    'http from --http: current value is "here", expected HOST:PORT with a port from 0 to 65535, or off',
    'logFormat from --log-format: current value is "xml", expected one of text, json',
    'logLevel from .env: current value is "loud", expected one of debug, info, warning, error',
    'worker from barline.yaml: no such option, did you mean "workers"?',
    'workers from BARLINE_WORKERS in environment: current value is "many", expected a whole number from 1 to 64',
  ]);
});

for (const file of ["", "# nothing\n"]) {
  Deno.test(`a file of ${JSON.stringify(file)} says nothing`, async () => {
    assertEquals((await load({ file })).settings.workers, 4);
  });
}

Deno.test("a file that is not a mapping, is broken or is missing is a problem", async () => {
  assertStringIncludes((await problemsOf({ file: "- 1\n" }))[0].message, "expected a YAML mapping");
  assertStringIncludes((await problemsOf({ file: "a: [\n" }))[0].message, "at line 2");
  assertThrows(
    () => loadConfig({ flags: new Map(), env: () => undefined, file: "/no/such.yaml" }),
    ConfigError,
    "there is no such file",
  );
});

Deno.test("a broken file is reported without the text around the place, where a password may stand", async () => {
  const [{ message }] = await problemsOf({ file: "database: postgres://me:geheim@db/market\n foo: [\n" });
  assertEquals(message.includes("geheim"), false, message);
});

Deno.test("the description strikes the password out and names every source", async () => {
  const config = await load({ env: { DATABASE_URL: "postgres://me:geheim@db/market?password=geheim" } });
  const description = describeConfig(config);
  assertEquals(JSON.stringify(description).includes("geheim"), false);
  const { value, source } = description.find(({ name }) => name === "database")!;
  assertEquals([value, source], ["postgres://me:***@db:5432/market", "DATABASE_URL in environment"]);
});

Deno.test("the address of the webhook is taken under either name, and never shown", async () => {
  for (const name of ["MDS_FB_HTTP_ENDPOINT", "BARLINE_FEEDBACK_URL"]) {
    const config = await load({ env: { [name]: "https://hooks.example/?token=geheim" } });
    assertEquals(config.settings.feedbackUrl, "https://hooks.example/?token=geheim");
    assertEquals(JSON.stringify(describeConfig(config)).includes("geheim"), false);
  }
  assertEquals(describeConfig(await load({})).find(({ name }) => name === "feedbackUrl")!.value, undefined);
  const [{ key, message }] = await problemsOf({ flags: { feedbackUrl: "ftp://geheim@hooks.example" } });
  assertEquals(
    `${key}: ${message}`,
    "feedbackUrl: current value is (not shown), expected an address that starts with http:// or https://",
  );
});

Deno.test("a mapping of the file takes its keys in any spelling, and absent ones stay open", async () => {
  const { settings } = await load({
    file: "timescale:\n  chunk-interval: 1d\n  compress_after: off\n  rollups: [1h]\n",
  });
  assertEquals(settings.timescale, { chunkInterval: "1d", compressAfter: "off", rollups: ["1h"] });
  assertEquals((await load({})).settings.timescale, {});
});

Deno.test("problems in a mapping are reported by key", async () => {
  const problems = await problemsOf({
    file: "timescale: { chunkInterval: 1y, compresAfter: 30d, retention: 1d, enabled: 1, rollups: [2h] }\n",
  });
  assertEquals(problems.map(({ key, message }) => `${key}: ${message}`), [
    'timescale.chunkInterval: current value is "1y", expected a time from 1h to 52w, as in 12h, 7d or 2w',
    'timescale.compresAfter: no such option, did you mean "compressAfter"?',
    'timescale.retention: current value is "1d", expected off, or a time from 7d to 5200w, as in 30d or 52w',
    "timescale.enabled: current value is 1, expected true or false",
    'timescale.rollups: current value is ["2h"], expected a list of 5m, 15m, 1h, 1d',
  ]);
  const [whole] = await problemsOf({ file: "timescale: on\n" });
  assertEquals(whole.message, 'current value is "on", expected a mapping, as in timescale: { compressAfter: 30d }');
});
