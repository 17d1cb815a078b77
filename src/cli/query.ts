/** `barline query`. @module */
import { extname, join } from "@std/path";
import { loadConfig } from "../config/load.ts";
import { openForReading } from "../database/open.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { requireEmbedded } from "./database.ts";
import { type Format, FORMATS, openOutput } from "./query/output.ts";
import { readParameters } from "./query/parameters.ts";
import { runPrompt } from "./query/prompt.ts";
import { openQuerySession } from "./query/session.ts";

/** Default time limit of a statement, in seconds, and the longest value of `--timeout`. */
const TIMEOUT_SECONDS = 60;
const MOST_SECONDS = 86_400;

/** Runs read-only SQL. */
export async function run(invocation: Invocation): Promise<number> {
  const { words, options, flags, lists, configFile } = invocation;
  if (words.length > 1) {
    throw new UsageError(`Cannot understand "${words[1]}": expected the SQL as one word, in quotes`);
  }
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
  const parameters = readParameters(lists?.get("param") ?? []);
  const format = readFormat(flags);
  const timeoutMs = readTimeout(flags) * 1000;
  const sql = await readSql(words[0], flags);
  await requireEmbedded(config);
  // The limit for writes does not apply here.
  const settings = { ...config.settings, writeTimeoutMs: timeoutMs };
  await using database = await openForReading({ ...config, settings });
  await using session = await openQuerySession(database, timeoutMs);
  if (sql === undefined) {
    await runPrompt(session, { title: database.label, history: join(config.settings.dataDir, "query_history") });
    return EXIT.done;
  }
  const path = flags.get("output");
  const output = await openOutput(format, typeof path === "string" ? path : undefined);
  try {
    await session.runAll(sql, parameters, output);
    await output.commit();
  } catch (error) {
    await output.discard();
    throw error;
  }
  return EXIT.done;
}

/** The given SQL; `undefined` without any at a terminal. */
async function readSql(word: string | undefined, flags: Invocation["flags"]): Promise<string | undefined> {
  const file = flags.get("file");
  if (word !== undefined && file !== undefined) {
    throw new UsageError("Cannot run two texts: expected the SQL as a word, or a file with -f");
  }
  if (word !== undefined) return word;
  if (typeof file === "string" && file !== "-") {
    try {
      return await Deno.readTextFile(file);
    } catch (error) {
      throw new UsageError(`Cannot read ${JSON.stringify(file)}: ${(error as Error).message}`);
    }
  }
  if (file === undefined && Deno.stdin.isTerminal()) return undefined;
  return await new Response(Deno.stdin.readable).text();
}

function readFormat(flags: Invocation["flags"]): Format {
  const given = flags.get("format");
  const output = flags.get("output");
  const end = typeof output === "string" ? extname(output).slice(1) : "";
  const format = given ?? (FORMATS.includes(end as Format) ? end : "table");
  if (!FORMATS.includes(format as Format)) {
    throw new UsageError(
      `Cannot use --format: current value is ${JSON.stringify(format)}, expected one of ${FORMATS.join(", ")}`,
    );
  }
  if (format === "parquet" && output === undefined && Deno.stdout.isTerminal()) {
    throw new UsageError("Cannot print Parquet on a terminal: name a file with --output");
  }
  return format as Format;
}

function readTimeout(flags: Invocation["flags"]): number {
  const text = flags.get("timeout") ?? String(TIMEOUT_SECONDS);
  const seconds = Number(text);
  if (seconds > 0 && seconds <= MOST_SECONDS) return seconds;
  throw new UsageError(
    `Cannot use --timeout: current value is ${JSON.stringify(text)}, expected seconds up to ${MOST_SECONDS}`,
  );
}
