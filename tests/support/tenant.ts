/**
 * One tenant within the process of a test, over a store in memory.
 *
 * @module
 */
import type { Store } from "../../src/app/store.ts";
import { openTenant, type Tenant, type TenantOptions } from "../../src/app/tenant.ts";
import { type Config, loadConfig } from "../../src/config/load.ts";
import type { RecordKind } from "../../src/records/kind.ts";
import { type FakeSink, fakeSink, type FakeSinkOptions } from "./fake_sink.ts";
import { type EventLog, eventLog, memoryLetters } from "./letters.ts";
import { createMemoryTable } from "./memory_table.ts";

/** A tenant, its sinks by kind, and what it has told. */
export interface TestTenant extends AsyncDisposable {
  readonly tenant: Tenant;
  readonly sinks: ReadonlyMap<string, FakeSink>;
  readonly events: EventLog;
  readonly letters: ReturnType<typeof memoryLetters>["kept"];
}

/** Options of {@linkcode testTenant}. */
export interface TestTenantOptions extends Partial<Omit<TenantOptions, "config" | "deadLetters" | "listeners">> {
  /** Options of the command line. */
  settings?: Record<string, unknown>;
  /** The sink of a kind. @default {one that stores everything} */
  sink?: (kind: string) => FakeSinkOptions;
}

/** A store in memory, and the sink of each kind that was opened last. */
export function memoryStore(sink: TestTenantOptions["sink"] = () => ({})) {
  const sinks = new Map<string, FakeSink>();
  const table = createMemoryTable();
  const store: Store = {
    describe: () => "a table in memory",
    name: "postgres",
    openSink(_: string, { name }: RecordKind) {
      const made = fakeSink(sink(name));
      sinks.set(name, made);
      return made;
    },
    check: () => Promise.resolve(),
    newest: () => Promise.resolve(new Map()),
    coverage: () => table.store(() => false),
  };
  return { store, sinks };
}

/** The configuration of these options of the command line, and of nothing else. */
export function configOf(settings: Record<string, unknown>): Config {
  return loadConfig({
    flags: new Map<string, unknown>(Object.entries(settings)),
    env: () => undefined,
    dotenv: "/nonexistent/.env",
  });
}

/** Opens a tenant; its data directory is a new one unless `settings` names another. */
export async function testTenant(options: TestTenantOptions): Promise<TestTenant> {
  const { settings = {}, sink, ...rest } = options;
  await using opened = new AsyncDisposableStack();
  const { store, sinks } = memoryStore(sink);
  let dataDir = settings.dataDir;
  if (dataDir === undefined) {
    dataDir = await Deno.makeTempDir({ prefix: "barline-tenant-" });
    opened.defer(() => Deno.remove(dataDir as string, { recursive: true }));
  }
  const config = configOf({ ...settings, dataDir });
  const events = eventLog();
  let letters = memoryLetters();
  const tenant = opened.use(
    await openTenant({ store }, {
      providers: [],
      kinds: ["bar"],
      ...rest,
      config,
      deadLetters: (emit) => letters = memoryLetters(emit),
      listeners: [events.emit],
    }),
  );
  const closing = opened.move();
  return {
    tenant,
    sinks,
    events,
    letters: letters.kept,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
