/**
 * Statements that readers may run. The rights of their role and their own copy of the database enforce the same; this
 * check explains it, before anything runs.
 *
 * @module
 */

/** A statement of a text. */
export interface Statement {
  readonly text: string;
  /** Its first words, in upper case, without quotes. */
  readonly words: readonly string[];
  /** A function that it calls by name and that readers may not call. */
  readonly withheld?: string;
}

/** A reason to refuse a statement, with its SQLSTATE. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** First words of statements that read, or set up a session. */
const ALLOWED = new Set([
  ...["SELECT", "WITH", "TABLE", "VALUES", "EXPLAIN", "SHOW", "SET", "RESET", "DISCARD", "UNLISTEN"],
  ...["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"],
  ...["DECLARE", "FETCH", "MOVE", "CLOSE", "PREPARE", "EXECUTE", "DEALLOCATE"],
]);
/** Settings of the session's role. */
/** Functions that read files or large objects. */
const WITHHELD = /^(lo_.*|loread|lowrite|pg_read_.*|pg_ls_.*|pg_stat_file)$/i;
const ROLES = new Set(["ROLE", "AUTHORIZATION", "SESSION_AUTHORIZATION"]);
/** Words of a statement to keep. */
const MOST_WORDS = 4;

const refuse = (code: string, message: string): Refusal => ({ code, message });

/** Why readers may not run a statement; `undefined` if they may. */
export function refusalOf({ words, withheld }: Statement): Refusal | undefined {
  const [first, ...rest] = words;
  if (first === undefined) return undefined;
  if (withheld !== undefined) {
    return refuse("42501", `${withheld} is refused: readers read tables, neither files nor large objects`);
  }
  if (first === "COPY") {
    return refuse("42501", "COPY is refused: readers run SELECT, and barline query --output FILE writes files");
  }
  if (!ALLOWED.has(first)) return refuse("25006", `${first} is refused: this database can only be read`);
  if (first !== "SET" && first !== "RESET") return undefined;
  const setting = rest.find((word) => word !== "LOCAL" && word !== "SESSION");
  if (setting === undefined || !ROLES.has(setting)) return undefined;
  return refuse("42501", `${first} ${rest[0]} is refused: readers have one role`);
}

/** Whether a statement may change more of the session than its transaction. */
export function changesSession({ words: [first] }: Statement): boolean {
  return ["SET", "RESET", "DISCARD", "PREPARE", "DEALLOCATE"].includes(first);
}

/** Whether a statement opens a cursor, which ends with its transaction. */
export const opensCursor = ({ words: [first] }: Statement): boolean => first === "DECLARE";

/** Comments, texts, names, words, and the end of a statement. */
const TOKEN = new RegExp(
  [
    "--[^\\n]*",
    "\\/\\*",
    "[eE]'(?:[^'\\\\]|\\\\[\\s\\S]|'')*(?:'|$)",
    "'(?:[^']|'')*(?:'|$)",
    '"((?:[^"]|"")*)(?:"|$)',
    "(\\$(?:[\\p{L}_][\\p{L}\\p{N}_]*)?\\$)",
    "([\\p{L}_][\\p{L}\\p{N}_$]*)",
    "(;)",
    "[\\s\\S]",
  ].join("|"),
  "gu",
);

/** The statements of a text, as the server divides them; an empty text has none. */
export function splitStatements(sql: string): Statement[] {
  const statements: Statement[] = [];
  let from = 0;
  let words: string[] = [];
  let isEmpty = true;
  /** The name before the next token, and the first withheld function that is called. */
  let before: string | undefined;
  let withheld: string | undefined;
  const end = (at: number) => {
    if (!isEmpty) statements.push({ text: sql.slice(from, at), words, withheld });
    [words, isEmpty, before, withheld] = [[], true, undefined, undefined];
  };
  const token = new RegExp(TOKEN);
  for (let found; (found = token.exec(sql)) !== null;) {
    const [text, name, dollar, word, semicolon] = found;
    if (semicolon !== undefined) {
      end(found.index);
      from = token.lastIndex;
    } else if (text === "/*") token.lastIndex = endOfComment(sql, token.lastIndex);
    else if (text.startsWith("--") || text.trim() === "") continue;
    else {
      isEmpty = false;
      if (dollar !== undefined) {
        const close = sql.indexOf(dollar, token.lastIndex);
        token.lastIndex = close < 0 ? sql.length : close + dollar.length;
      } else if ((name ?? word) !== undefined && words.length < MOST_WORDS) words.push((name ?? word).toUpperCase());
      if (text === "(" && before !== undefined && WITHHELD.test(before)) withheld ??= before;
      before = name ?? word;
    }
  }
  end(sql.length);
  return statements;
}

/** Whether a text has a statement and ends with its semicolon, comments aside. */
export function endsStatement(sql: string): boolean {
  const count = splitStatements(sql).length;
  // Anything after the semicolon begins another statement.
  return count > 0 && splitStatements(`${sql}\nx`).length > count;
}

/** The text with each `:name` replaced, except inside texts, names and comments. */
export function replaceNames(sql: string, replace: (name: string) => string): string {
  let result = "";
  const token = new RegExp(TOKEN);
  for (let found; (found = token.exec(sql)) !== null;) {
    const from = found.index;
    if (found[0] === "/*") token.lastIndex = endOfComment(sql, token.lastIndex);
    else if (found[2] !== undefined) {
      const close = sql.indexOf(found[2], token.lastIndex);
      token.lastIndex = close < 0 ? sql.length : close + found[2].length;
    }
    const text = sql.slice(from, token.lastIndex);
    const isColon = text === ":" && sql[from - 1] !== ":";
    const [name] = isColon ? /^[\p{L}_][\p{L}\p{N}_]*/u.exec(sql.slice(token.lastIndex)) ?? [] : [];
    if (name !== undefined) token.lastIndex += name.length;
    result += name === undefined ? text : replace(name);
  }
  return result;
}

/** Where a comment ends that began before `at`; comments nest. */
function endOfComment(sql: string, at: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = at;
  for (let depth = 1, found; (found = mark.exec(sql)) !== null;) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return sql.length;
}
