/** `barline dlq fix`. @module */
import { join } from "@std/path";
import { loadConfig } from "../config/load.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import { type HeldLetters, holdLetters, readLetters } from "../dead_letters/directory.ts";
import { formatEdit, parseEdit } from "../dead_letters/edit.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import type { LetterFilter } from "../dead_letters/filter.ts";
import type { StoredLetter } from "../dead_letters/letter.ts";
import type { LocatedLetter } from "../dead_letters/receipts.ts";
import { createLetterReader, findFaults, isReplayable } from "../providers/dead_letters.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { dlqCommand } from "./hint.ts";

/** Letters opened at once without `--limit`: more are too many for an editor. */
const DEFAULT_LIMIT = 1000;
/** Most problems printed at once. */
const MAX_TOLD = 20;

/**
 * Opens letters in the user's editor, and puts changed ones back once all of them are sound. The letters are locked
 * meanwhile: new ones can be added, but no others replayed or removed.
 */
export async function fix({ options, configFile }: Invocation, matches: LetterFilter): Promise<number> {
  const { settings } = loadConfig({ flags: options, env: Deno.env.get, file: configFile, oneTenant: true });
  const editor = Deno.env.get("VISUAL") || Deno.env.get("EDITOR");
  if (editor === undefined || editor === "") {
    throw new UsageError("Cannot open letters: there is no editor. Set VISUAL or EDITOR, as in EDITOR=nano");
  }
  const directory = deadLetterDirectory(tenantDirectory(settings));
  using held = await holdLetters(directory);
  const letters: LocatedLetter[] = [];
  const limit = settings.limit ?? DEFAULT_LIMIT;
  let more = false;
  for await (const located of readLetters(directory)) {
    if (!matches(located) || !isReplayable(located.letter)) continue;
    more = letters.length === limit;
    if (more) break;
    letters.push(located);
  }
  if (letters.length === 0) {
    console.log("No dead letters to fix");
    return EXIT.done;
  }
  if (more) console.error(`Opening the first ${limit} letters; choose with --where, or give another --limit`);

  const read = createLetterReader(settings);
  const place = await Deno.makeTempDir({ dir: directory, prefix: "fix-" });
  const file = join(place, "letters.ndjson");
  // Escaped in JSON, control characters have the same meaning.
  const text = formatEdit(letters).split("\n").map(printable).join("\n");
  await Deno.writeTextFile(file, text, { mode: 0o600 });
  while (true) {
    await runEditor(editor, file);
    const { changed, problems } = parseEdit(
      await Deno.readTextFile(file),
      letters,
      (letter) => findFaults(letter, read, Date.now()),
    );
    if (problems.length === 0) {
      await putBack(held, changed);
      await Deno.remove(place, { recursive: true });
      console.log(describeChanges(changed.size, letters.length, dlqCommand("replay", settings, configFile)));
      return EXIT.done;
    }
    for (const problem of problems.slice(0, MAX_TOLD)) console.error(printable(problem));
    if (problems.length > MAX_TOLD) console.error(`and ${problems.length - MAX_TOLD} more`);
    if (!Deno.stdin.isTerminal() || !confirm("Edit again? Otherwise nothing is changed")) {
      console.error(`Nothing was changed. Your text lies in ${file}`);
      return EXIT.failed;
    }
  }
}

/** @throws {Error} If the editor cannot be started or fails. */
async function runEditor(editor: string, file: string): Promise<void> {
  // Through the shell, as in git: the variable may have arguments and quotes.
  const [program, ...args] = Deno.build.os === "windows"
    ? [...editor.split(" "), file]
    : ["sh", "-c", `${editor} "$@"`, editor, file];
  const { success, code } = await new Deno.Command(program, {
    args,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  })
    .spawn().status;
  if (!success) throw new Error(`Cannot edit "${file}": "${editor}" ended with exit code ${code}, nothing was changed`);
}

async function putBack(held: HeldLetters, changed: ReadonlyMap<LocatedLetter, StoredLetter>): Promise<void> {
  const texts = new Map(
    Array.from(changed, ([{ path, line }, letter]) => [`${path}:${line}`, JSON.stringify(letter)]),
  );
  await held.rewrite(({ path, line, text }) => texts.get(`${path}:${line}`) ?? text);
}

function describeChanges(changed: number, opened: number, command: string): string {
  if (changed === 0) return `Nothing was changed in ${opened} letters`;
  return `Changed ${changed} of ${opened} letters. Send them with: ${command}`;
}
