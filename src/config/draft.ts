/**
 * A first configuration: the YAML file and the `.env` file with a user's answers.
 *
 * @module
 */
import { parse as parseDotenv } from "dotenv";
import { stringify } from "yaml";

/** The choices of a first configuration. */
export interface Draft {
  readonly provider: string;
  readonly symbols: readonly string[];
  /** `undefined` means the default, as below. */
  readonly timeframe?: string;
  /** `undefined` means the embedded database. */
  readonly database?: string;
  readonly dataDir?: string;
  /** Keys and passwords, by variable; an empty one is left for the user to fill in. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Writes the YAML file: the choices, and the next useful options as comments. */
export function draftYaml({ provider, symbols, timeframe, database, dataDir }: Draft): string {
  const line = (key: string, value: unknown) =>
    `${key}: ${stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim()}`;
  return [
    "# Configuration of Barline. Check it: barline config check --config THIS_FILE",
    "# All options: barline help ingest all. Keys and passwords belong in .env, where Barline starts.",
    "",
    line("provider", provider),
    line("symbols", symbols),
    timeframe === undefined ? "# timeframe: 1m" : line("timeframe", timeframe),
    "",
    "# The embedded database below dataDir, or a PostgreSQL of yours.",
    database === undefined ? "# database: postgres://user@host:5432/market" : line("database", database),
    dataDir === undefined ? "# dataDir: ./data" : line("dataDir", dataDir),
    "",
    "# Records go to disk before the database: those that memory cannot hold (overflow), or all (durable).",
    "# journal: durable",
    "",
    "# Address of the cockpit, /metrics and /health.",
    "# http: 127.0.0.1:9000",
    "",
  ].join("\n");
}

/** Sets variables in the text of a `.env` file; everything else stays, also a variable without a new value. */
export function draftEnv(text: string, variables: ReadonlyMap<string, string>): string {
  const present = parseDotenv(text);
  for (const [name, value] of variables) {
    const line = `${name}=${quote(value)}`;
    if (Object.hasOwn(present, name)) {
      const assignment = new RegExp(`^\\s*(export\\s+)?${name}\\s*=.*$`, "m");
      if (value !== "" && present[name] !== value) text = text.replace(assignment, () => line);
    } else text += `${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
  }
  return text;
}

/** A value in the quotes of `.env` files. */
function quote(value: string): string {
  if (/^[\w./:@%+=-]*$/.test(value)) return value;
  const mark = ["'", '"', "`"].find((each) => !value.includes(each));
  return mark === undefined ? value : `${mark}${value}${mark}`;
}

/** Splits the password off a database URL; `password` is `undefined` without one. */
export function splitPassword(url: string): { url: string; password?: string } {
  const found = /^(postgres(?:ql)?:\/\/[^:@/?#]*):([^@]*)@/i.exec(url);
  if (found === null) return { url };
  return { url: `${found[1]}@${url.slice(found[0].length)}`, password: decodeURIComponent(found[2]) };
}
