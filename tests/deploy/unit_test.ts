import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { EXIT } from "../../src/cli/exit.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace } from "../support/workspace.ts";

const unit = await Deno.readTextFile(fromFileUrl(new URL("../../deploy/barline.service", import.meta.url)));
const launcher = fromFileUrl(new URL("../support/seccomp.ts", import.meta.url));
const binary = Deno.env.get("BARLINE_BINARY");

/** Values of a setting of the unit, one a line. */
const settings = (name: string) => Array.from(unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm")), ([, value]) => value);

/** System calls in systemd's group, and in those that it names. */
async function expand(group: string): Promise<string[]> {
  if (!group.startsWith("@")) return [group];
  const { success, stdout } = await new Deno.Command("systemd-analyze", {
    args: ["syscall-filter", "--no-pager", group],
  }).output();
  if (!success) throw new Error(`systemd knows no ${group}`);
  const lines = new TextDecoder().decode(stdout).split("\n").slice(1).map((line) => line.trim());
  return (await Promise.all(lines.filter((line) => /^[@\w]/.test(line)).map(expand))).flat();
}

/** System calls that the unit allows, in the order of its lines: those after `~` are taken away. */
async function allowedCalls(): Promise<Set<string>> {
  let allowed = new Set<string>();
  for (const line of settings("SystemCallFilter")) {
    const groups = line.replace(/^~/, "").split(" ");
    const calls = new Set((await Promise.all(groups.map(expand))).flat());
    allowed = line.startsWith("~") ? allowed.difference(calls) : allowed.union(calls);
  }
  return allowed;
}

async function findMissing(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "seccomp is Linux's";
  if (binary === undefined) return "BARLINE_BINARY names no binary: the unit runs one, and seccomp depends on it";
  const analyze = await new Deno.Command("systemd-analyze", { args: ["--version"] }).output().catch(() => undefined);
  return analyze?.success ? undefined : "systemd-analyze is not installed";
}

testWhere(await findMissing(), "the binary stores bars under the system calls that the unit allows", async () => {
  await using workspace = await openWorkspace();
  const refusal = settings("SystemCallErrorNumber")[0] === "EPERM" ? "1" : "kill";
  const ended = await workspace.ingest(["--provider", "mock", "--speed", "max", "--limit", "1000"], {
    program: {
      path: Deno.execPath(),
      args: ["run", "-A", "--no-config", launcher, refusal, [...await allowedCalls()].join(","), binary!],
    },
  });
  assertEquals(ended.code, 0, ended.stderr);
  assertEquals(ended.json.stored, 1000);
});

Deno.test("the unit starts again after a failure, but not after a wrong configuration or a stop by a signal", () => {
  assertEquals(settings("Restart"), ["on-failure"]);
  assertEquals(settings("RestartPreventExitStatus"), [String(EXIT.usage)]);
  assertEquals(settings("SuccessExitStatus"), [`${EXIT.interrupted} ${EXIT.terminated}`]);
});
