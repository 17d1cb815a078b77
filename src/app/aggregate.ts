/**
 * Aggregates several tenants: counts are added, and the worst state counts.
 *
 * @module
 */
import type { CircuitState } from "../events.ts";
import { type CoordinatorHealth, type Health, joinJournals } from "../pipeline/health.ts";
import type { Ledger } from "../pipeline/ledger.ts";

/** The sum of all ledgers. */
export function sumLedgers(ledgers: readonly Ledger[]): Ledger {
  const sum = { received: 0, stored: 0, unchanged: 0, deduplicated: 0, deadLettered: 0, journaled: 0, inFlight: 0 };
  let updated: number | null = 0;
  let dropped = 0;
  let swallowed = 0;
  for (const ledger of ledgers) {
    for (const term of Object.keys(sum) as (keyof typeof sum)[]) sum[term] += ledger[term];
    updated = updated === null || ledger.updated === null ? null : updated + ledger.updated;
    dropped += ledger.dropped ?? 0;
    swallowed += ledger.swallowed ?? 0;
  }
  return {
    ...sum,
    inserted: updated === null ? null : sum.stored - updated,
    updated,
    ...(dropped > 0 && { dropped }),
    ...(swallowed > 0 && { swallowed }),
  };
}

/** A tenant's name, and its health. */
export interface NamedHealth {
  readonly name: string;
  readonly health: Health;
}

/**
 * The health of all tenants: coordinators of a kind merged, and each provider as `tenant/provider`. A single tenant's
 * health is returned unchanged.
 */
export function joinHealth(all: readonly NamedHealth[], stopping: boolean): Health {
  if (all.length === 1) return all[0].health;
  const coordinators = Map.groupBy(all.flatMap(({ health }) => health.coordinators), ({ kind }) => kind);
  const journals = all.flatMap(({ health }) => health.journal ?? []);
  return {
    coordinators: Array.from(coordinators.values(), joinCoordinators),
    providers: all.flatMap(({ name, health }) =>
      health.providers.map((provider) => ({
        ...provider,
        name: `${name}/${provider.name}`,
        ...(provider.group === undefined ? {} : { group: `${name}/${provider.group}` }),
      }))
    ),
    journal: joinJournals(journals),
    stopping,
  };
}

const add = <T>(all: readonly T[], of: (each: T) => number) => all.reduce((sum, each) => sum + of(each), 0);
const WORST: readonly CircuitState[] = ["open", "half-open", "closed"];

function joinCoordinators(all: readonly CoordinatorHealth[]): CoordinatorHealth {
  const probes = all.flatMap(({ probeAt }) => probeAt ?? []);
  return {
    kind: all[0].kind,
    workers: add(all, ({ workers }) => workers),
    workersAlive: add(all, ({ workersAlive }) => workersAlive),
    queue: { size: add(all, ({ queue }) => queue.size), capacity: add(all, ({ queue }) => queue.capacity) },
    late: add(all, ({ late }) => late),
    circuit: WORST.find((state) => all.some(({ circuit }) => circuit === state))!,
    probeAt: probes.length === 0 ? undefined : Math.min(...probes),
  };
}
