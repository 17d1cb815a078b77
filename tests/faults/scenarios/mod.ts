/**
 * All scenarios.
 *
 * @module
 */
import type { Scenario } from "../harness/scenario.ts";
import { damage } from "./damage.ts";
import { embedded } from "./embedded.ts";
import { failover } from "./failover.ts";
import { journal } from "./journal.ts";
import { kills } from "./kills.ts";
import { network } from "./network.ts";
import { outages } from "./outages.ts";
import { sqlstates } from "./sqlstates.ts";
import { surroundings } from "./surroundings.ts";

/** Faults of the server and of the way to it. */
export const serverScenarios: readonly Scenario[] = [...outages, ...failover, ...network, ...sqlstates];

/** Faults of the process, its files and its surroundings. */
export const processScenarios: readonly Scenario[] = [...kills, ...embedded, ...journal, ...damage, ...surroundings];

/** All scenarios, in the order in which they are run. */
export const scenarios: readonly Scenario[] = [...serverScenarios, ...processScenarios];
