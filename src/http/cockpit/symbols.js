/**
 * The view of series: a list to search, and candles of one.
 *
 * @module
 */
import { call } from "./api.js";
import { candleChart } from "./charts.js";
import { count, duration, h, patch, table } from "./dom.js";

const LIST_EVERY_MS = 5000;
const CANDLES_EVERY_MS = 2000;

/** Makes the view: of one series where `#symbols/PROVIDER/SYMBOL/TIMEFRAME` names it, else the list. */
export function createSymbols([provider, symbol, timeframe]) {
  return symbol === undefined ? createList() : createCandles({ provider, symbol, timeframe });
}

/** Calls `load` now and then, one at a time; `close` ends that. */
function poll(load, everyMs) {
  let timer;
  let isClosed = false;
  (async () => {
    while (!isClosed) {
      await load();
      await new Promise((resolve) => timer = setTimeout(resolve, everyMs));
    }
  })();
  return () => {
    isClosed = true;
    clearTimeout(timer);
  };
}

/** Makes the list of series. */
export function createList() {
  const list = h("section", {});
  const message = h("p", { class: "message", role: "status" });
  const search = h("input", { type: "search", id: "search", placeholder: "AAPL", autocomplete: "off" });

  async function load() {
    try {
      const { series, more } = await call(`/api/symbols?search=${encodeURIComponent(search.value)}`);
      patch(list, [table(
        "Series",
        ["Symbol", "Provider", "Timeframe", "Last bar", "Age", "Close#", "Bars today#", "Missing today#"],
        series.map((each) => [
          h(
            "a",
            { href: `#symbols/${[each.provider, each.symbol, each.timeframe].map(encodeURIComponent).join("/")}` },
            each.symbol,
          ),
          each.provider,
          each.timeframe,
          each.lastTs === undefined ? "–" : new Date(each.lastTs * 1000).toISOString().slice(0, 16).replace("T", " "),
          each.lastTs === undefined ? "–" : duration(Date.now() / 1000 - each.lastTs),
          each.close ?? "–",
          count(each.barsToday),
          each.missingToday === undefined ? "–" : count(each.missingToday),
        ]),
        "No series is stored yet",
      )]);
      message.textContent = more ? "There are more: search to see them" : "";
    } catch (error) {
      message.textContent = error.message;
    }
  }

  search.addEventListener("input", load);
  return {
    element: h("div", {}, h("p", {}, h("label", { for: "search" }, "Search "), search), message, list),
    close: poll(load, LIST_EVERY_MS),
  };
}

function createCandles({ provider, symbol, timeframe }) {
  const message = h("p", { class: "message", role: "status" });
  const last = h("p", { class: "big" });
  const place = h("div", { class: "candles", role: "img", "aria-label": `Candles of ${symbol}` });
  const gapList = h("section", {});
  const query = new URLSearchParams({ provider, symbol, timeframe });
  let chart;

  async function load() {
    try {
      const answer = await call(`/api/bars?${query}`);
      const newest = answer.bars.at(-1);
      last.textContent = newest === undefined ? "no bars" : `${newest.close}`;
      chart ??= candleChart(place);
      chart.update(answer);
      patch(gapList, [
        table(
          "Missing bars",
          ["From", "To", "Bars#"],
          answer.gaps.map(({ from, to, bars }) =>
            [from, to].map((ts) => new Date(ts * 1000).toISOString().slice(0, 16).replace("T", " ")).concat(count(bars))
          ),
          "None",
        ),
      ]);
      message.textContent = "";
    } catch (error) {
      message.textContent = error.message;
    }
  }

  const stop = poll(load, CANDLES_EVERY_MS);
  return {
    element: h(
      "div",
      {},
      h("p", {}, h("a", { href: "#symbols" }, "All series")),
      h("h2", {}, `${symbol} · ${timeframe} · ${provider}`),
      last,
      message,
      place,
      gapList,
    ),
    close() {
      stop();
      chart?.close();
    },
  };
}
