import { assertEquals } from "@std/assert";
import { registerScenarios } from "./harness/register.ts";
import { processScenarios, scenarios } from "./scenarios/mod.ts";

registerScenarios(processScenarios);

Deno.test("a scenario that the suite leaves out names what covers it", () => {
  const names = new Set(scenarios.filter(({ coveredBy }) => coveredBy === undefined).map(({ name }) => name));
  const isThere = (path: string) => Deno.statSync(new URL(`../../${path}`, import.meta.url)).isFile;
  const unknown = scenarios.filter(({ coveredBy }) => {
    if (coveredBy === undefined || names.has(coveredBy)) return false;
    const [path] = /tests\/\S+\.ts$/.exec(coveredBy) ?? [];
    return path === undefined || !isThere(path);
  });
  assertEquals(unknown.map(({ name, coveredBy }) => `${name}: ${coveredBy}`), []);
});
