import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT, sourceFiles } from "./support/source.ts";

/** Habits that hide the thing meant, each with the better way. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [/\bwanted\b/i, "expected"],
  [/\bof (which|whom)\b/, "name the thing"],
  [/\bthat which\b/, "name the thing"],
  [/\b(there (is|are)|is|are) none\b/, 'say "without", or what it is'],
  [/\bas (it is|they are)\b(?! (shown|over|no longer|useful|known))/, "name the state"],
  [/\b(tell|tells|told|telling)\b/i, "report, print, warn or log"],
  [/\b(nobody|somebody|everybody)\b/i, "name the caller, or use the passive"],
  [/\b(whoever|whatever|whichever)\b/i, "name the thing"],
  [/\bunder way\b/, "in flight, or in progress"],
  [/\banew\b/, "again"],
  [/\bhinder/, "name the problem"],
  [/\bheed/, "take effect, or use"],
  [/\b(goes|go|gone) on\b/, "continue, or run on"],
  [/\bbe had\b/, "be opened, taken, read"],
  [/(^|\. )What /, "begin with the thing"],
  [/(^|\. )Who /, "begin with the thing"],
];

/** Habits of titles, whose subject comes first. */
const BANNED_IN_TITLES: typeof BANNED = [
  ...BANNED,
  [/^(what|who|whom|that|of)\b/i, "begin with the thing"],
];

/** Names of variables that style has a standard word for. */
const PRIVATE_NAMES = /\b(?:const|let|function)\s+\[?\{?\s*(wanted|closer|valve|patience|keeper|census|quorumOf)\b/;

/** Text of the program at a line. */
interface Text {
  readonly place: string;
  readonly text: string;
}

/** Comments of a file, each as one text without its marks. */
function commentsOf(path: string, source: string): Text[] {
  const found: Text[] = [];
  for (const { 0: comment, index } of source.matchAll(/\/\*\*[^]*?\*\/|^[ \t]*\/\/.*$/gm)) {
    const line = source.slice(0, index).split("\n").length;
    const text = comment.replace(/^\s*(\/\*\*|\*\/|\*|\/\/)|\*\/$/gm, "").replace(/\s+/g, " ").trim();
    found.push({ place: `${path}:${line}`, text });
  }
  return found;
}

/** Messages of errors and of the log: literals that begin one. A `SettingError` has the name of its option before it. */
function messagesOf(path: string, source: string): Text[] {
  const calls =
    /(?:new (?:SettingError\([^,]+,|\w*Error\()|\blog\.(?:debug|info|warn|error)\(|\bwarn\()\s*["`]([^"`]+)/g;
  return Array.from(source.matchAll(calls), ({ 1: text, index }) => ({
    place: `${path}:${source.slice(0, index).split("\n").length}`,
    text,
  }));
}

/** Titles of tests: literals that begin a call of `Deno.test`, or of a function that calls it. */
function titlesOf(path: string, source: string): Text[] {
  const calls = /\b(?:\w*[tT]est\w*|step|scenario)\(\s*(?:\{\s*name:\s*)?(["`])((?:(?!\1)[^\\]|\\.)*)\1/g;
  return Array.from(source.matchAll(calls), ({ 2: text, index }) => ({
    place: `${path}:${source.slice(0, index).split("\n").length}`,
    text: text!,
  }));
}

/**
 * Files whose messages end the sentence of another: "current value is …", "kraken: …", "Cannot write to the journal: …";
 * and those of the door, which begin in lower case as PostgreSQL's do.
 */
const ENDINGS = [
  "src/app/dead_letter_replay.ts",
  "src/app/sources.ts",
  "src/app/tenant.ts",
  "src/chaos/trial.ts",
  "src/cli/chaos.ts",
  "src/cli/doctor/nats.ts",
  "src/cli/doctor/providers.ts",
  "src/cli/signals.ts",
  "src/cluster/cluster.ts",
  "src/cluster/nats_board.ts",
  "src/cluster/nats_lease.ts",
  "src/config/database.ts",
  "src/database/door/",
  "src/database/embedded_snapshot.ts",
  "src/database/embedded_worker.ts",
  "src/files/",
  "src/journal/segments.ts",
  "src/journal/space.ts",
  "src/pipeline/run.ts",
  "src/providers/",
  "src/records/codec.ts",
  "src/records/packed.ts",
  "src/sinks/nats/messages.ts",
];

const files = await sourceFiles();
const sources = await Promise.all(
  files.map(async (path) => [path, await Deno.readTextFile(join(ROOT, path))] as const),
);
const comments = sources.flatMap(([path, source]) => commentsOf(path, source));
const messages = sources.flatMap(([path, source]) => messagesOf(path, source));
/** Quoted code is no prose. */
const prose = (text: string) => text.replaceAll(/`[^`]*`|\$\{[^}]*\}|\{@linkcode [^}]*\}/g, "…");

Deno.test("comments and messages are found", () => {
  const source = '/** One\n * two. */\n  // Three.\nthrow new RangeError(\n  `Four ${x}`);\nlog.warn("five", {});\n';
  assertEquals(commentsOf("a.ts", source), [{ place: "a.ts:1", text: "One two." }, {
    place: "a.ts:3",
    text: "Three.",
  }]);
  assertEquals(messagesOf("a.ts", source).map(({ text }) => text), ["Four ${x}", "five"]);
  const tests =
    "Deno.test(`six ${x}`, () => {});\ntest({ name: 'no', ignore: true });\ntestWhere(\n  \"seven\", (x) => x);\n";
  assertEquals(titlesOf("a.ts", tests), [{ place: "a.ts:1", text: "six ${x}" }, { place: "a.ts:3", text: "seven" }]);
});

/** The habits that texts have, each with its place and the better way. */
function habitsOf(texts: readonly Text[], banned: typeof BANNED): string[] {
  return texts.flatMap(({ place, text }) =>
    banned.filter(([habit]) => habit.test(prose(text))).map(([habit, better]) =>
      `${place} ${habit.exec(prose(text))![0].trim()} (${better})`
    )
  );
}

Deno.test("comments and messages name the thing, in standard words", () => {
  assertEquals(habitsOf([...comments, ...messages], BANNED), []);
});

Deno.test("titles of tests name the thing, in standard words", async () => {
  const titles = (await Promise.all(
    (await sourceFiles("tests")).map(async (path) => titlesOf(path, await Deno.readTextFile(join(ROOT, path)))),
  )).flat();
  assert(titles.length > 1000, `${titles.length} titles`);
  assertEquals(habitsOf(titles, BANNED_IN_TITLES), []);
});

Deno.test("messages of errors and of the log begin with a capital letter, unless they end another sentence", () => {
  const small = messages.filter(({ place, text }) =>
    /^[a-z]/.test(text) && !ENDINGS.some((path) => place.startsWith(path))
  );
  assertEquals(small.map(({ place, text }) => `${place} ${text}`), []);
});

Deno.test("variables have standard names", () => {
  const found = sources.flatMap(([path, source]) => {
    return source.split("\n").flatMap((line, at) =>
      PRIVATE_NAMES.test(line) ? [`${path}:${at + 1} ${line.trim()}`] : []
    );
  });
  assertEquals(found, []);
});
