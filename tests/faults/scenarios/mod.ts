/**
 * All scenarios.
 *
 * @module
 */
import type { Scenario } from "../harness/scenario.ts";
import { network } from "./network.ts";
import { outages } from "./outages.ts";

/** All scenarios, in the order in which they are run. */
export const scenarios: readonly Scenario[] = [...outages, ...network];
