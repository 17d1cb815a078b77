import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { csvFile } from "../support/bars.ts";
import { copyForUser, nobody, type Program } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;
const notRoot = Deno.build.os === "linux" && isRoot ? undefined : "only root can mount a small file system";

/** How to run without rights: as another user, where this one is root, who may do everything. */
let unprivileged: { program?: Program; user?: typeof nobody } = {};
if (isRoot) {
  const directory = await Deno.makeTempDir({ prefix: "barline-test-user-" });
  Deno.test.afterAll(() => Deno.remove(directory, { recursive: true }));
  unprivileged = { program: await copyForUser(directory), user: nobody };
}

Deno.test("files in a directory without permission exit 2, and the directory is named", async () => {
  await using work = await openWorkspace(server);
  await Deno.chmod(work.directory, 0o755);
  const directory = join(work.directory, "closed");
  await Deno.mkdir(directory);
  await Deno.writeTextFile(join(directory, "bars.csv"), csvFile(3));
  await Deno.chmod(directory, 0);
  try {
    for (const file of [join(directory, "*.csv"), join(directory, "bars.csv")]) {
      const { code, stderr } = await work.ingest(["--file", file], unprivileged);
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, directory);
      assertMatch(stderr, /give the right to read it/);
    }
  } finally {
    await Deno.chmod(directory, 0o700);
  }
});

Deno.test("a data directory that may only be read exits 1 and names the option that helps", async () => {
  await using work = await openWorkspace(server);
  await Deno.chmod(work.directory, 0o755);
  await Deno.mkdir(work.dataDir, { mode: 0o755 });
  await Deno.chmod(work.dataDir, 0o555);
  const { code, stderr } = await work.ingest(["--limit", "5"], unprivileged);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, `Cannot write to the data directory "${work.dataDir}": Permission denied`);
  assertStringIncludes(stderr, "Give the right to write there, or choose another with --data-dir");
  await Deno.chmod(work.dataDir, 0o755);
});

testWhere(
  notRoot,
  "a disk that is full while dead-lettering: exit code 1, and what was not kept counts as in flight",
  async () => {
    await using work = await openWorkspace(server);
    await Deno.mkdir(work.dataDir);
    const mount = new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", "size=128k", "none", work.dataDir] });
    if (!(await mount.output()).success) throw new Error(`Cannot mount a file system at "${work.dataDir}"`);
    try {
      const bad = "broken line\n".repeat(12_000);
      const args = ["--refuse-limit", "20000", "--file", await work.write("bars.csv", `${csvFile(500)}${bad}`)];
      const { code, json, stderr } = await work.ingest(args);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "make room or give the right to write there");
      assertEquals([json.stored, json.received - json.stored - json.deadLettered], [500, json.inFlight]);
      assertEquals(json.inFlight > 0, true);
      assertEquals((await work.letters()).length, json.deadLettered);
      // With room again, --resume reads what was not kept.
      await new Deno.Command("mount", { args: ["-o", "remount,size=8m", work.dataDir] }).output();
      const resumed = await work.ingest([...args, "--resume"]);
      assertEquals([resumed.code, resumed.json.inFlight], [0, 0], resumed.stderr);
      assertEquals(new Set((await work.letters()).map(({ metadata }) => metadata.location)).size, 12_000);
    } finally {
      await new Deno.Command("umount", { args: [work.dataDir] }).output();
    }
  },
);
