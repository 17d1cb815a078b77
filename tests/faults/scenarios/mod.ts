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

/** All scenarios, in the order in which they are run. */
export const scenarios: readonly Scenario[] = [
  ...outages,
  ...failover,
  ...network,
  ...sqlstates,
  ...kills,
  ...embedded,
  ...journal,
  ...damage,
  ...surroundings,
];
