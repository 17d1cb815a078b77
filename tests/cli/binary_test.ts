import { fromFileUrl } from "@std/path";
import { useBinary } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { startSharedServer } from "../support/workspace.ts";
import { testScenarios } from "./scenarios.ts";

const path = fromFileUrl(new URL("../../dist/barline", import.meta.url));
let missing: string | undefined;
try {
  await Deno.stat(path);
} catch {
  missing = `there is no binary at "${path}": run deno task compile, or set BARLINE_BINARY`;
}

if (Deno.env.has("BARLINE_BINARY")) {
  const name = "the compiled binary does what the program does (ingest_test.ts runs that of BARLINE_BINARY)";
  Deno.test({ name, ignore: true, fn: () => {} });
} else if (missing === undefined) {
  useBinary(path);
  testScenarios(await startSharedServer());
} else {
  testWhere(missing, "the compiled binary does what the program does from source", async () => {});
}
