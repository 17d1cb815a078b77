import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { csvFile } from "../support/bars.ts";
import { currentProgram, type Program } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

/** The program, started where new files are for everybody. */
function withoutUmask(): Program {
  const { path, args, env } = currentProgram();
  return { path: "sh", args: ["-c", 'umask 000; exec "$0" "$@"', path, ...args], env };
}

/** All that lies below a directory, and itself, that others than its owner may touch. */
async function open(path: string): Promise<string[]> {
  const info = await Deno.lstat(path);
  const wanted = info.isDirectory ? 0o700 : 0o600;
  const found = (info.mode! & 0o777) === wanted ? [] : [`${path} ${(info.mode! & 0o777).toString(8)}`];
  if (!info.isDirectory) return found;
  for await (const { name } of Deno.readDir(path)) found.push(...await open(join(path, name)));
  return found;
}

const notHere = Deno.build.os === "windows" ? "Windows has no modes" : undefined;

testWhere(
  notHere,
  "whatever the umask, all that runs make below the data directory is for the owner alone",
  async () => {
    const options = { program: withoutUmask() };
    for (const target of [undefined, server]) {
      await using work = await openWorkspace(target);
      const bad = "broken line\n".repeat(20_000);
      const file = await work.write("bars.csv", `${csvFile(3000)}${bad}`);
      const first = await work.ingest(["--file", file, "--resume"], options);
      assertEquals([first.code, first.json.stored, first.json.deadLettered], [0, 3000, 20_000], first.stderr);
      await work.run(
        ["dlq", "replay", "--data-dir", work.dataDir, "--database", work.database, "--limit", "5"],
        options,
      );
      const kept = await work.run(["dlq", "fix", "--data-dir", work.dataDir, "--limit", "2"], {
        ...options,
        env: { EDITOR: "sed -i s/broken/x/" },
      });
      assertEquals(kept.code, 1, "the edit is unsound, so that its file is kept");
      const names = [...Deno.readDirSync(join(work.dataDir, "dead-letters"))].map(({ name }) => name);
      assert(names.some((name) => name.startsWith("fix-")) && names.some((name) => name.endsWith(".ndjson")));
      assert([...Deno.readDirSync(join(work.dataDir, "positions"))].length > 0);
      assertEquals(await open(work.dataDir), []);
    }
  },
);
