import { startSharedServer } from "../support/workspace.ts";
import { testScenarios } from "./scenarios.ts";

testScenarios(await startSharedServer());
