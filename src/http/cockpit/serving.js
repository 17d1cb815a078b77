/**
 * The overview of a store without ingestion: it shows the stored series instead of rates.
 *
 * @module
 */
import { call } from "./api.js";
import { count, duration, h, patch, pill, table } from "./dom.js";
import { createList } from "./symbols.js";
import { tenantTable } from "./tenants.js";

const STORED_EVERY_MS = 5000;

const minute = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
/** Makes the view. */
export function createServing() {
  const notices = h("ul", { class: "problems" });
  const figures = h("section", { class: "card ledger", "aria-label": "Store" });
  const groups = h("section", {});
  const message = h("p", { class: "message", role: "status" });
  const list = createList();
  const element = h("div", {}, notices, figures, groups, message, list.element);
  let stored = [];
  let overview;
  let isClosed = false;

  function draw() {
    const series = stored.reduce((sum, group) => sum + group.series, 0);
    const providers = new Set(stored.map(({ provider }) => provider)).size;
    const [newest] = stored.flatMap(({ lastTs }) => lastTs ?? []);
    const notice = (mood, name, ...words) => h("li", { class: "card" }, pill(name, mood), words);
    const letters = overview.deadLettersWaiting;
    patch(notices, [
      notice("", "Serving", h("span", {}, "Nothing is ingested. Read it here, by barline query or /api/bars.parquet")),
      ...(letters === 0 ? [] : [
        notice(
          "warn",
          "Dead letters",
          h("span", {}, `${count(letters)} records could not be stored`),
          h("a", { href: "#letters" }, "See them"),
        ),
      ]),
    ]);
    const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", { class: "big" }, value));
    figures.hidden = overview.tenants !== undefined;
    patch(figures, [
      h("h2", {}, "Stored"),
      h(
        "dl",
        {},
        figure("providers", count(providers)),
        figure("series", count(series)),
        figure(
          newest === undefined ? "newest bar" : `newest bar, ${minute(newest).slice(11)} UTC`,
          newest === undefined ? "–" : minute(newest).slice(0, 10),
        ),
        figure("its age", newest === undefined ? "–" : duration(overview.ts - newest)),
      ),
    ]);
    patch(groups, [
      overview.tenants === undefined
        ? table(
          "By provider",
          ["Provider", "Timeframe", "Series#", "Newest bar", "Age"],
          stored.map(({ provider, timeframe, series, lastTs }) => [
            h("strong", {}, provider),
            timeframe,
            count(series),
            lastTs === undefined ? "–" : minute(lastTs),
            lastTs === undefined ? "–" : duration(overview.ts - lastTs),
          ]),
          "Nothing is stored yet",
        )
        : tenantTable(overview.tenants),
    ]);
    list.element.hidden = overview.tenants !== undefined;
  }

  async function load() {
    while (!isClosed) {
      // Of all tenants together there is no list: their table leads to each.
      if (overview !== undefined && overview.tenants === undefined) {
        try {
          ({ stored } = await call("/api/stored"));
          message.textContent = "";
          draw();
        } catch (error) {
          message.textContent = error.message;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, overview === undefined ? 50 : STORED_EVERY_MS));
    }
  }
  load();

  return {
    element,
    update(latest) {
      overview = latest.overview;
      draw();
    },
    close() {
      isClosed = true;
      list.close();
    },
  };
}
