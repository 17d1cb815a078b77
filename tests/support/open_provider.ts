/**
 * A provider with a directory and a context of its own, open and read.
 *
 * @module
 */
import type { PipelineEvent } from "../../src/events.ts";
import type { Provider, ProviderSettings } from "../../src/providers/provider.ts";
import type { Bar } from "../../src/records/bar.ts";
import type { Frame } from "../../src/records/frame.ts";
import { createContext } from "../providers/conformance.ts";
import { readBars } from "./feed.ts";
import { makeDirectory, providerSettings } from "./providers.ts";

/** How to open a provider. */
export interface OpenOptions {
  readonly symbols: string[];
  /** Newest stored bar of each symbol. @default {none} */
  readonly newest?: ReadonlyMap<string, number>;
  readonly variables: Readonly<Record<string, string>>;
}

/** Opens a provider, whose frames are settled as they are read. */
export async function openProvider(
  create: (settings: ProviderSettings) => Provider,
  { symbols, newest = new Map(), variables }: OpenOptions,
) {
  const directory = await makeDirectory();
  const context = createContext();
  const events: PipelineEvent[] = [];
  const provider = create(
    providerSettings({ symbols, dataDir: directory.path, variable: (name) => variables[name] }),
  );
  const reader = provider.open({
    ...context,
    emit: (event) => void events.push(event),
    newest: () => Promise.resolve(newest),
  }).getReader();
  return {
    context,
    events,
    /** Reads until `done` returns true. */
    read: (done: (bars: Bar[], frame: Frame) => boolean) => readBars(reader, done),
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await reader.cancel().catch(() => {});
      await provider.close!();
      await directory[Symbol.asyncDispose]();
    },
  };
}
