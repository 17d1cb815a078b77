import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { openWorkspace } from "../support/workspace.ts";

const BARS = fromFileUrl(new URL("../fixtures/bars.csv", import.meta.url));
const wrong: [string[], string][] = [
  [["--shard", "auto"], "the embedded database is of this instance alone"],
  [["--shards", "2", "--shard", "2"], "current value is 2, expected auto, or a number from 0 to 1"],
  [["--shards", "0"], "expected a whole number from 1 to 256"],
  [["--shards", "2", "--file", BARS], "replay has no symbols that could be shared out"],
  [["--shards", "2", "--instance", "a b"], "expected up to 63 letters, digits, dots"],
  [["--shards", "2", "--lease-database", "mysql://x"], "is not a URL that starts with postgres://"],
];
for (const [args, message] of wrong) {
  Deno.test(`${args.join(" ")} is refused`, async () => {
    await using work = await openWorkspace();
    const { code, stderr } = await work.run(["ingest", "--data-dir", join(work.directory, "data"), ...args]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  });
}
