import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { testWhere } from "../support/skip.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const dockerfile = await Deno.readTextFile(join(ROOT, "deploy", "Dockerfile"));
/** Lines of the stage that builds. */
const stage = dockerfile.split(/^FROM /m)[1].split("\n");
const noRuntime = Deno.env.has("DENORT_BIN") ? undefined : "DENORT_BIN names no runtime to embed, see .ci/denort";

/** What the COPY lines of the stage copy, each with its place. */
const copies = stage.filter((line) => line.startsWith("COPY ")).flatMap((line) => {
  const [, ...paths] = line.split(" ");
  const to = paths.pop()!;
  return paths.map((from) => ({ from, to: to.endsWith("/") ? join(to, from.split("/").at(-1)!) : to }));
});

async function copyTree(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    await Deno.mkdir(dirname(to), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  for await (const { name } of Deno.readDir(from)) await copyTree(join(from, name), join(to, name));
}

Deno.test("the image's context holds what its COPY lines copy, and nothing else", async () => {
  const kept = (await Deno.readTextFile(join(ROOT, ".dockerignore"))).split("\n")
    .filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  assertEquals(kept.sort(), copies.map(({ from }) => from).sort());
});

testWhere(noRuntime, "the image's build stage compiles a binary from what it copies", async () => {
  const directory = await Deno.makeTempDir({ prefix: "barline-image-" });
  try {
    for (const { from, to } of copies) await copyTree(join(ROOT, from), join(directory, to));
    const version = /^denoland\/deno:(\S+)/.exec(stage[0])![1];
    const run = stage.find((line) => line.startsWith("RUN "))!;
    const steps = run.slice("RUN ".length).split("&&").map((step) => step.trim()).filter((step) => /^deno /.test(step));
    assert(steps.length > 0);
    for (const step of steps) {
      const { success, stderr } = await new Deno.Command("npx", {
        args: ["-y", `deno@${version}`, ...step.split(" ").slice(1)],
        cwd: directory,
        env: { DENO_TLS_CA_STORE: "system" },
      }).output();
      assert(success, new TextDecoder().decode(stderr));
    }
    const { stdout } = await new Deno.Command(join(directory, "dist", "barline"), { args: ["version"] }).output();
    assertMatch(new TextDecoder().decode(stdout), /^barline \d/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
