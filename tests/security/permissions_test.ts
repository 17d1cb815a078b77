import { assertEquals } from "@std/assert";
import denoConfig from "../../deno.json" with { type: "json" };
import { PERMISSIONS, V8_FLAGS } from "../../deploy/compile.ts";

Deno.test("the program reads nothing of the system beyond its needs", async () => {
  const script =
    `const kinds = ["hostname", "networkInterfaces", "uid", "cpus", "homedir", "osRelease", "systemMemoryInfo"];
const states = kinds.map((kind) => Deno.permissions.querySync({ name: "sys", kind }).state);
console.log(kinds.filter((_, at) => states[at] === "granted").join());
Deno.umask();`;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, script);
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", ...PERMISSIONS.filter((each) => each !== "--allow-run"), path],
  }).output();
  await Deno.remove(path);
  assertEquals([success, new TextDecoder().decode(stdout)], [true, "hostname\n"]);
});

Deno.test("deno task ingest has the permissions and the flags of the binary, but may start nothing", () => {
  const permissions = PERMISSIONS.filter((each) => each !== "--allow-run");
  assertEquals(
    denoConfig.tasks.ingest,
    ["deno run", ...permissions, `--v8-flags=${V8_FLAGS}`, "main.ts ingest"].join(" "),
  );
});
