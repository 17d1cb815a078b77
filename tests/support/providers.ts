/**
 * Settings of providers, and a directory for their files.
 *
 * @module
 */
import { join } from "@std/path";
import type { ProviderSettings } from "../../src/providers/provider.ts";
import { recordKind } from "../../src/records/mod.ts";

/** Settings as the configuration's defaults give them. */
export function providerSettings(given: Partial<ProviderSettings>): ProviderSettings {
  return {
    kinds: [recordKind("bar")],
    symbols: ["AAPL", "MSFT"],
    timeframe: "1m",
    file: [],
    timeUnit: "iso",
    resume: false,
    tenant: "default",
    dataDir: "data",
    provisional: false,
    pollSeconds: 60,
    variable: () => undefined,
    ...given,
  };
}

/** A directory that is removed at the end. */
export interface TestDirectory extends AsyncDisposable {
  readonly path: string;
  /** Writes a file and gives its path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
}

/** Makes an empty directory. */
export async function makeDirectory(): Promise<TestDirectory> {
  const path = await Deno.makeTempDir({ prefix: "barline-test-" });
  return {
    path,
    async write(name, content) {
      const file = join(path, name);
      await Deno.mkdir(join(file, ".."), { recursive: true });
      if (typeof content === "string") await Deno.writeTextFile(file, content);
      else await Deno.writeFile(file, content);
      return file;
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
