import { assert, assertEquals, assertMatch } from "@std/assert";

const directory = new URL("../../deploy/grafana/dashboards/", import.meta.url);
/** The data source that is chosen when a dashboard is imported. */
const CHOSEN = "bd1x2y3z";
/** Panels that come with Grafana: others would have to be installed. */
const CORE_PANELS = ["stat", "timeseries", "table", "gauge", "bargauge", "barchart", "heatmap", "text", "row"];
/** Columns of Grafana's grid. */
const COLUMNS = 24;

// deno-lint-ignore no-explicit-any
type Json = any;

/**
 * Imports a dashboard as Grafana does ("Import dashboard", `POST /api/dashboards/import`): every `${NAME}` of `__inputs` is
 * replaced by the value given for it, in all texts, and other variables stay.
 */
function importDashboard(dashboard: Json, values: Record<string, string>): Json {
  const names = new Set<string>(dashboard.__inputs.map(({ name }: { name: string }) => name));
  const replace = (part: Json): Json => {
    if (typeof part === "string") {
      return part.replaceAll(/\$\{(.+?)\}/g, (match, name) => names.has(name) ? values[name] : match);
    }
    if (Array.isArray(part)) return part.map(replace);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, replace(value)]));
  };
  const { __inputs: _, ...rest } = dashboard;
  return replace(rest);
}

const dashboards = Array.from(
  Deno.readDirSync(directory),
  ({ name }) => ({ name, json: JSON.parse(Deno.readTextFileSync(new URL(name, directory))) as Json }),
);

for (const { name, json } of dashboards) {
  Deno.test(`an import of ${name} leaves no input open, and all parts ask the chosen data source`, () => {
    const imported = importDashboard(json, { DS_PROMETHEUS: CHOSEN });
    const text = JSON.stringify(imported);
    assert(!text.includes("${DS_"), "an input is left open");
    assertEquals(new Set(Array.from(text.matchAll(/"uid":"([^"]*)"/g), ([, uid]) => uid)), new Set([CHOSEN, json.uid]));
  });

  Deno.test(`Grafana takes ${name}: its uid, title, version and panels are within the rules`, () => {
    assertMatch(json.uid, /^[\w-]{1,40}$/);
    assert(json.title.length > 0);
    // A number would be that of a dashboard of another Grafana.
    assertEquals(json.id ?? null, null);
    assert(Number.isInteger(json.schemaVersion) && json.schemaVersion >= 36, "data sources as objects came with 36");
    const ids = json.panels.map(({ id }: { id: number }) => id);
    assertEquals(new Set(ids).size, ids.length, "each panel has an id of its own");
    const taken = new Set<string>();
    for (const { title, type, gridPos: { x, y, w, h }, targets } of json.panels) {
      assert(CORE_PANELS.includes(type), `${title}: ${type}`);
      assert(x >= 0 && x + w <= COLUMNS && w > 0 && h > 0, title);
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          assert(!taken.has(`${column} ${row}`), `${title} lies over another`);
          taken.add(`${column} ${row}`);
        }
      }
      const refs = targets.map(({ refId }: { refId: string }) => refId);
      assertEquals(new Set(refs).size, refs.length, `${title}: each query has a letter of its own`);
    }
  });

  Deno.test(`every variable in the queries of ${name} is defined, before others that need it`, () => {
    const defined: string[] = [];
    const uses = (part: Json) =>
      Array.from(JSON.stringify(part).matchAll(/\$\{?([a-z_]\w*)/gi), ([, variable]) => variable)
        .filter((variable) => !variable.startsWith("__"));
    for (const variable of json.templating.list) {
      for (const used of uses([variable.query, variable.datasource ?? null])) assert(defined.includes(used), used);
      assert(!defined.includes(variable.name), `${variable.name} is defined twice`);
      defined.push(variable.name);
    }
    for (const used of uses(json.panels)) assert(defined.includes(used), used);
  });
}

Deno.test("dashboards have different uids and titles, as one would replace the other", () => {
  for (const key of ["uid", "title"]) {
    assertEquals(new Set(dashboards.map(({ json }) => json[key])).size, dashboards.length);
  }
});
