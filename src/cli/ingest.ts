/** `barline ingest`. @module */
import type { LoadedRun } from "../app/loaded.ts";
import type { TenantProviders } from "../app/configured.ts";
import { makeRunProviders } from "../app/share.ts";
import { checkEmbeddedListen } from "../config/embedded_listen.ts";
import { loadConfig, tenantsOf } from "../config/load.ts";
import { checkExposure, TOKEN_VARIABLE } from "../http/address.ts";
import { flagSpecs } from "../config/options.ts";
import type { Invocation } from "./command.ts";
import { environment } from "./environment.ts";
import { quoteWord } from "./hint.ts";
import { streamBars } from "./stream.ts";

/** Streams records from providers into the database. */
export async function run({ options, flags, configFile, maxOpenFiles, early }: Invocation): Promise<number> {
  if (flags.has("dry-run")) {
    const config = loadConfig({ flags: options, ...environment(), file: configFile });
    return await (await import("./inspect.ts")).inspectFiles(config.settings.file, config);
  }
  const load = (): LoadedRun => {
    let providers: TenantProviders = new Map();
    const config = loadConfig({
      flags: options,
      ...environment(),
      file: configFile,
      check(checked) {
        const made = makeRunProviders(checked);
        if (made.ok) providers = made.value;
        return [...made.ok ? [] : made.problems, ...checkExposure(checked), ...checkEmbeddedListen(checked)];
      },
    });
    const tenants = tenantsOf(config).map((each) => ({
      config: each,
      providers: providers.get(each.settings.tenant)!,
    }));
    return { config, tenants };
  };
  const loaded = load();
  let { config } = loaded;
  return await streamBars(loaded, {
    load,
    joinsCluster: true,
    command: spell("ingest", options),
    onReloaded: (next) => config = next,
    goOn: config.settings.file.includes("-")
      ? "standard input has not been read to its end"
      : "the same command with --resume continues from here",
    maxOpenFiles,
    early,
    token: () => config.variable(TOKEN_VARIABLE),
  });
}

/** The command as given, without secrets. */
function spell(name: string, options: Invocation["options"]): string {
  const words = flagSpecs.filter((spec) => options.has(spec.name)).flatMap(({ name, flag, secret }) => {
    const value = options.get(name);
    if (value === true) return `--${flag}`;
    return [value].flat().map((each) => `--${flag} ${secret === undefined ? quoteWord(String(each)) : "…"}`);
  });
  return ["barline", name, ...words].join(" ");
}
