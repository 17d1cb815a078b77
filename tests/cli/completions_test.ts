import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { testWhere } from "../support/skip.ts";
import { openWorkspace } from "../support/workspace.ts";

/** Why a shell cannot be asked; `undefined` where it can. */
async function missingShell(shell: string): Promise<string | undefined> {
  const command = new Deno.Command(shell, { args: ["--version"], stdout: "null", stderr: "null" });
  return await command.output().then(() => undefined, () => `${shell} is not installed`);
}

async function sh(shell: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(shell, { args: [...args] }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Writes the script of a shell to a file, and gives its path. */
async function script(shell: string) {
  const work = await openWorkspace();
  const { code, stdout } = await work.run(["completions", shell]);
  assertEquals(code, 0);
  const path = join(work.directory, shell);
  await Deno.writeTextFile(path, stdout);
  return { path, [Symbol.asyncDispose]: work[Symbol.asyncDispose] };
}

testWhere(await missingShell("bash"), "bash completes commands, subcommands, options and values", async () => {
  await using made = await script("bash");
  const complete = (...words: string[]) =>
    sh("bash", [
      "-c",
      `source ${made.path}; COMP_WORDS=(barline ${words.map((word) => `'${word}'`).join(" ")}); ` +
      `COMP_CWORD=${words.length}; _barline; echo "\${COMPREPLY[@]}"`,
    ]);
  assertEquals(await complete("inge"), "ingest\n");
  assertEquals(await complete("dlq", "re"), "replay\n");
  assertEquals(await complete("ingest", "--journal-"), "--journal-sync-ms --journal-max-bytes --journal-full\n");
  assertEquals(await complete("ingest", "--journal", ""), "off overflow durable\n");
});

testWhere(await missingShell("zsh"), "zsh reads its script", async () => {
  await using made = await script("zsh");
  await sh("zsh", ["-n", made.path]);
  assertStringIncludes(await Deno.readTextFile(made.path), "'*--log-level[log this severity");
});

testWhere(await missingShell("fish"), "fish completes commands and values", async () => {
  await using made = await script("fish");
  const complete = (line: string) => sh("fish", ["--no-config", "-c", `source ${made.path}; complete -C '${line}'`]);
  assertStringIncludes(await complete("barline inge"), "ingest\tStream bars");
  const values = (await complete("barline ingest --journal ")).trim().split("\n").map((line) => line.split("\t")[0]);
  assertEquals(values.sort(), ["durable", "off", "overflow"]);
});
