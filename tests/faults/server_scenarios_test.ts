import { registerScenarios } from "./harness/register.ts";
import { serverScenarios } from "./scenarios/mod.ts";

registerScenarios(serverScenarios);
