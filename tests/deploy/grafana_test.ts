import { assertEquals } from "@std/assert";

const directory = new URL("../../deploy/grafana/dashboards/", import.meta.url);
/** The variable that holds the data source: an import sets it from `__inputs`, a provisioned dashboard by itself. */
const SOURCE = { type: "prometheus", uid: "${DS_PROMETHEUS}" };

/** Every data source that a part of a dashboard names. */
function sourcesIn(part: unknown): unknown[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) => key === "datasource" ? [value] : sourcesIn(value));
}

for (const { name } of Deno.readDirSync(directory)) {
  Deno.test(`the dashboard ${name} takes its data source from a variable, and imports anywhere`, () => {
    const dashboard = JSON.parse(Deno.readTextFileSync(new URL(name, directory)));
    const sources = sourcesIn([dashboard.panels, dashboard.templating]);
    assertEquals(sources.length > dashboard.panels.length, true);
    for (const source of sources) assertEquals(source, SOURCE);
    const [input] = dashboard.__inputs;
    assertEquals([input.name, input.type, input.pluginId], ["DS_PROMETHEUS", "datasource", "prometheus"]);
    const [first] = dashboard.templating.list;
    assertEquals([first.name, first.type, first.query], ["DS_PROMETHEUS", "datasource", "prometheus"]);
    const { list } = dashboard.templating;
    const schema = list.find((each: { name: string }) => each.name === "schema");
    assertEquals([schema.current.value, schema.allValue], ["$__all", ".*"], "all schemas, also where none is known");
    const instance = list.find((each: { name: string }) => each.name === "instance");
    assertEquals(instance.query.query, 'label_values(barline_store_info{schema=~"$schema"}, instance)');
  });
}
