/**
 * `barline init`: asks for the few things that a first run needs, writes them into `barline.yaml` and `.env`, and runs the
 * checks of `barline doctor`.
 *
 * @module
 */
import { promptSecret } from "@std/cli/prompt-secret";
import { dirname } from "@std/path";
import { type Draft, draftEnv, draftYaml, splitPassword } from "../config/draft.ts";
import { nearestWord } from "../config/nearest.ts";
import { declarationOf, providers } from "../providers/mod.ts";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { run as runDoctor } from "./doctor.ts";

const DEFAULT_FILE = "barline.yaml";
/** Where a run looks for keys and passwords: in its working directory. */
const ENV_FILE = ".env";
/** Feeds for a first configuration; files and streams of other instances need no such file. */
const FEEDS = Object.keys(providers).filter((name) => !["nats", "replay", "polygon"].includes(name));
/** A feed that needs no key. */
const FIRST_FEED = "kraken";

/** Writes a first configuration, and returns the exit code of its checks. */
export async function run(invocation: Invocation): Promise<number> {
  const { flags, configFile = DEFAULT_FILE } = invocation;
  const isPrinted = flags.has("print");
  if (!isPrinted && !flags.has("force") && await exists(configFile)) {
    throw new UsageError(
      `Cannot write ${configFile}: it exists. Give --force to replace it, or --config FILE for another`,
    );
  }
  const draft = ask(invocation);
  const yaml = draftYaml(draft);
  if (isPrinted) {
    console.log(yaml.trimEnd());
    return EXIT.done;
  }
  await replaceFile(configFile, yaml);
  console.log(`Wrote ${configFile}`);
  if (draft.variables.size > 0) await writeVariables(draft.variables);
  const missing = [...draft.variables].filter(([, value]) => value === "");
  if (missing.length > 0) {
    console.log(
      `Next: fill in ${
        missing.map(([name]) => name).join(" and ")
      } in .env, then: barline doctor --config ${configFile}`,
    );
    return EXIT.done;
  }
  console.log("");
  const code = await runDoctor({ words: [], options: new Map(), flags: new Map(), configFile });
  console.log(
    code === EXIT.done
      ? `\nNext: barline ingest --config ${configFile}`
      : `\nNext: mend what FAIL names, then: barline doctor --config ${configFile}`,
  );
  return code;
}

/**
 * The choices of the command line, and answers to questions for the others.
 *
 * @throws {UsageError} If one is missing without a terminal to ask on, or is not valid.
 */
function ask({ options, flags }: Invocation): Draft {
  const canAsk = Deno.stdin.isTerminal() && !flags.has("print");
  const given = (name: string) =>
    [options.get(name) ?? []].flat().flatMap((text) => String(text).split(",")).map((each) => each.trim());
  const question = (name: string, words: string, standard: string): string => {
    if (!canAsk) {
      throw new UsageError(`Cannot write a configuration: --${name} is not given, and there is no terminal to ask on`);
    }
    const answer = prompt(words, standard);
    if (answer === null) throw new UsageError("Cannot write a configuration: the questions were not answered");
    return answer.trim();
  };

  const [provider = question("provider", `Feed, one of ${FEEDS.join(", ")}?`, FIRST_FEED)] = given("provider");
  const declaration = FEEDS.includes(provider) ? declarationOf(provider) : undefined;
  if (declaration === undefined) {
    const nearest = nearestWord(provider, FEEDS);
    const meant = nearest === undefined ? "" : `, did you mean "${nearest}"?`;
    throw new UsageError(`Cannot use the provider "${provider}": expected one of ${FEEDS.join(", ")}${meant}`);
  }
  const symbols = options.has("symbols")
    ? given("symbols")
    : question("symbols", "Symbols, separated by commas?", declaration.exampleSymbols ?? "AAPL,MSFT").split(",");
  const target = options.has("database") || !canAsk
    ? given("database")[0] ?? "embedded"
    : question("database", "Database: embedded, or postgres://user@host:port/name?", "embedded");
  const { url, password } = splitPassword(target);
  const chosen = symbols.map((symbol) => symbol.trim()).filter((symbol) => symbol !== "");
  if (chosen.length === 0) {
    throw new UsageError(
      `Cannot write a configuration: it has no symbols, expected some, as in ${
        declaration.exampleSymbols ?? "AAPL,MSFT"
      }`,
    );
  }

  const variables = new Map<string, string>();
  for (const name of declaration.keys ?? []) {
    // A key in the environment need not be stored again.
    if (Deno.env.get(name)) continue;
    variables.set(name, canAsk ? promptSecret(`${name} (empty: fill it in later)`)?.trim() ?? "" : "");
  }
  if (password !== undefined) variables.set("POSTGRES_PASSWORD", password);
  const own = (name: string) => options.has(name) ? String(options.get(name)) : undefined;
  return {
    provider,
    symbols: chosen,
    timeframe: own("timeframe"),
    database: url === "embedded" ? undefined : url,
    dataDir: own("dataDir"),
    variables,
  };
}

/** Adds variables to the `.env` file, which only its owner may read from then on. */
async function writeVariables(variables: ReadonlyMap<string, string>): Promise<void> {
  const before = await exists(ENV_FILE) ? await Deno.readTextFile(ENV_FILE) : "";
  const text = draftEnv(before, variables);
  if (text === before) {
    console.log(`Left ${ENV_FILE} unchanged: it already sets ${[...variables.keys()].join(" and ")}`);
    return;
  }
  await replaceFile(ENV_FILE, text);
  console.log(`Wrote ${ENV_FILE}, which only you may read`);
}

/** Writes a file accessible to its owner alone, completely or not at all. A link stays, and leads to the new text. */
async function replaceFile(path: string, text: string): Promise<void> {
  const target = await Deno.realPath(path).catch(() => path);
  const draft = `${target}.${Deno.pid}`;
  {
    using file = await Deno.open(draft, { write: true, createNew: true, mode: 0o600 });
    await writeAll(file, new TextEncoder().encode(text));
    await file.sync();
  }
  await Deno.rename(draft, target);
  await syncDirectory(dirname(target));
}

const exists = (path: string): Promise<boolean> => Deno.lstat(path).then(() => true, () => false);
