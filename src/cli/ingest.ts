/** `barline ingest`. @module */
import { isClustered } from "../config/cluster.ts";
import { loadConfig, tenantsOf } from "../config/load.ts";
import { checkExposure, TOKEN_VARIABLE } from "../http/address.ts";
import type { Provider } from "../providers/provider.ts";
import type { Invocation } from "./command.ts";
import { environment } from "./environment.ts";
import { createTenantSources } from "./providers.ts";
import { createReload, type LoadedRun } from "./reload.ts";
import { checkShare, shareOf } from "./share.ts";
import { streamBars } from "./stream.ts";

/** Streams records from providers into the database. */
export async function run({ options, configFile, maxOpenFiles }: Invocation): Promise<number> {
  const load = (): LoadedRun => {
    let providers = new Map<string, Provider[]>();
    const config = loadConfig({
      flags: options,
      ...environment(),
      file: configFile,
      check(checked, problems) {
        providers = createTenantSources(checked, problems);
        checkShare(checked, [...providers.values()].flat(), problems);
        checkExposure(checked, problems);
      },
    });
    const tenants = tenantsOf(config).map((each) => ({
      config: each,
      providers: providers.get(each.settings.tenant)!,
    }));
    return { config, tenants };
  };
  const { config, tenants } = load();
  let heeded = config;
  return await streamBars(config, tenants, {
    goOn: config.settings.file.includes("-")
      ? "standard input has not been read to its end"
      : "the same command with --resume goes on from here",
    maxOpenFiles,
    token: () => heeded.variable(TOKEN_VARIABLE),
    share: isClustered(config.settings) ? shareOf(config) : undefined,
    makeReload: (app, make, sharing) =>
      createReload({
        started: config,
        load,
        onReloaded: (next) => heeded = next,
        app,
        make,
        share: sharing && ((next) => sharing.replace(shareOf(next, config.settings.shards))),
      }),
  });
}
