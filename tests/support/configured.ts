/**
 * The providers that a configuration file names.
 *
 * @module
 */
import { type Inspected, inspectProviders } from "../../src/app/configured.ts";
import { loadConfig } from "../../src/config/load.ts";
import { makeDirectory } from "./providers.ts";

const KEYS: Record<string, string> = { ALPACA_API_KEY: "k", ALPACA_SECRET_KEY: "s", MASSIVE_API_KEY: "m" };

/** Makes the providers of a file and flags, and gives all problems. */
export async function configure(file: string, flags: Record<string, unknown> = {}, env = KEYS) {
  await using directory = await makeDirectory();
  let found: Inspected = { providers: [], problems: [] };
  loadConfig({
    flags: new Map(Object.entries(flags)),
    env: (name) => env[name],
    dotenv: `${directory.path}/.env`,
    file: await directory.write("barline.yaml", file),
    check(config) {
      found = inspectProviders(config);
      return [];
    },
  });
  const { providers, problems } = found;
  return {
    made: providers,
    names: providers.map(({ name }) => name),
    problems,
    messages: problems.map(({ key, message }) => `${key}: ${message}`),
  };
}
