/** `barline ingest`. @module */
import { isClustered } from "../config/cluster.ts";
import { loadConfig } from "../config/load.ts";
import { optionSpecs } from "../config/options.ts";
import { checkExposure } from "../http/address.ts";
import type { Provider } from "../providers/provider.ts";
import type { Command } from "./command.ts";
import { createSources } from "./providers.ts";
import { createReload, type LoadedSources } from "./reload.ts";
import { checkShare, shareOf } from "./share.ts";
import { streamBars } from "./stream.ts";

/** Streams records from providers into the database. */
export const ingest: Command = {
  summary: "Stream bars from providers into the database",
  options: optionSpecs.map(({ name }) => name),
  examples: [
    "ingest --limit 1000",
    "ingest --file bars.csv",
    "ingest --file 'history/*.csv.gz' --resume --database postgres://user@host/market",
    "ingest --provider mock --symbols AAPL,MSFT --speed max --limit 1000000 --json",
  ],
  async run({ options, configFile }) {
    const load = (): LoadedSources => {
      let providers: Provider[] = [];
      const config = loadConfig({
        flags: options,
        env: Deno.env.get,
        file: configFile,
        check(checked, problems) {
          providers = createSources(checked, problems);
          checkShare(checked, providers, problems);
          checkExposure(checked, problems);
        },
      });
      return { config, providers };
    };
    const { config, providers } = load();
    return await streamBars(config, providers, {
      share: isClustered(config.settings) ? shareOf(config) : undefined,
      makeReload: (app, sharing) =>
        createReload(
          config,
          load,
          (sources) =>
            sharing === undefined
              ? app.replace(sources.providers)
              : sharing.replace(shareOf(sources.config, config.settings.shards)),
        ),
    });
  },
};
