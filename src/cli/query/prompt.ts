/**
 * An interactive prompt for SQL at a terminal.
 *
 * @module
 */
import { createInterface } from "node:readline/promises";
import { stdin, stdout } from "node:process";
import { describeError, printableLines } from "../../telemetry/log.ts";
import { endsStatement } from "../../database/door/statements.ts";
import { openOutput } from "./output.ts";
import type { QuerySession } from "./session.ts";

/** Lines of history to keep. */
const HISTORY_LINES = 1000;

const HELP = `  \\d          views and tables
  \\d NAME     columns of one
  \\timing     show how long statements take, or not
  \\q          quit
A statement ends with ; and may have several lines. Ctrl-C ends it, Ctrl-D quits.
`;
const RELATIONS = `SELECT c.relname AS name, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind
FROM pg_class c WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = :schema) AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 2 DESC, 1`;
const COLUMNS = `SELECT a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a WHERE a.attrelid = to_regclass(:name) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

/** Options of {@linkcode runPrompt}. */
export interface PromptOptions {
  /** The database, for people. */
  readonly title: string;
  /** Path of the file with the history of statements. */
  readonly history: string;
}

/** Reads statements and prints their rows, until the input ends. */
export async function runPrompt(session: QuerySession, { title, history }: PromptOptions): Promise<void> {
  console.log(`${title}. \\? helps`);
  const lines = await Deno.readTextFile(history).then((text) => text.split("\n").filter(Boolean), () => []);
  const terminal = createInterface({
    input: stdin,
    output: stdout,
    history: lines.reverse(),
    historySize: HISTORY_LINES,
  });
  let isTiming = false;
  let isRunning = false;
  let held = "";
  terminal.on("SIGINT", () => {
    if (isRunning) return session.cancel();
    held = "";
    stdout.write("\n");
    terminal.setPrompt("barline> ");
    terminal.prompt();
  });

  async function ask(sql: string, parameters = new Map<string, string>()): Promise<void> {
    const output = await openOutput("table");
    const started = performance.now();
    isRunning = true;
    try {
      await session.runAll(sql, parameters, output);
      if (isTiming) console.log(`${(performance.now() - started).toFixed(1)} ms`);
    } catch (error) {
      console.error(printableLines(describeError(error)));
    } finally {
      isRunning = false;
    }
  }

  terminal.setPrompt("barline> ");
  terminal.prompt();
  for await (const line of terminal) {
    const [word, name] = line.trim().split(/\s+/, 2);
    if (held === "" && /^(quit|exit);?$/i.test(word)) break;
    if (held === "" && word.startsWith("\\")) {
      if (word === "\\q") break;
      if (word === "\\timing") {
        isTiming = !isTiming;
        console.log(`Timing is ${isTiming ? "on" : "off"}`);
      } else if (word === "\\d" && name === undefined) await ask(RELATIONS, new Map([["schema", session.schema()]]));
      else if (word === "\\d") await ask(COLUMNS, new Map([["name", name]]));
      else stdout.write(HELP);
    } else {
      held = `${held}${held === "" ? "" : "\n"}${line}`;
      if (endsStatement(held) || held.trim() === "") {
        const sql = held;
        held = "";
        if (sql.trim() !== "") await ask(sql);
      }
    }
    terminal.setPrompt(held === "" ? "barline> " : "    ...> ");
    terminal.prompt();
  }
  terminal.close();
  const kept = (terminal as unknown as { history: string[] }).history.slice(0, HISTORY_LINES).reverse();
  await Deno.writeTextFile(history, kept.map((each) => `${each}\n`).join(""), { mode: 0o600 }).catch(() => {});
}
