/**
 * Charts that follow the page's colours.
 *
 * @module
 */
import { AreaSeries, CandlestickSeries, createChart, HistogramSeries, LineSeries } from "lightweight-charts";

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");

function makeChart(element, height) {
  const colors = () => ({
    layout: {
      background: { color: "transparent" },
      textColor: color("quiet"),
      fontFamily: "system-ui, sans-serif",
      // Its style sheet is not allowed here; the page names the makers at its foot.
      attributionLogo: false,
    },
    grid: { vertLines: { color: color("line") }, horzLines: { color: color("line") } },
    rightPriceScale: { borderColor: color("line") },
    timeScale: { borderColor: color("line"), timeVisible: true, secondsVisible: false },
  });
  const chart = createChart(element, { ...colors(), autoSize: true, height, handleScale: { mouseWheel: false } });
  const repaint = () => chart.applyOptions(colors());
  dark.addEventListener("change", repaint);
  return {
    chart,
    close() {
      dark.removeEventListener("change", repaint);
      chart.remove();
    },
  };
}

/** The range of values to show, with nought in it: a rate that hardly changes is to look like one. */
function fromZero(fit) {
  const info = fit();
  if (info?.priceRange) info.priceRange = { minValue: 0, maxValue: Math.max(info.priceRange.maxValue, 1) };
  return info;
}

/** A line over time; `update` takes points `{ time, value }`, oldest first. */
export function lineChart(element, { name = "accent", unit = "", height = 140, second } = {}) {
  const { chart, close } = makeChart(element, height);
  const format = { type: "custom", minMove: 0.01, formatter: (value) => `${Number(value.toPrecision(3))}${unit}` };
  const options = { priceFormat: format, lineWidth: 2, priceLineVisible: false, autoscaleInfoProvider: fromZero };
  const series = chart.addSeries(AreaSeries, {
    ...options,
    lineColor: color(name),
    topColor: `${color(name)}33`,
    bottomColor: `${color(name)}08`,
  });
  const other = second && chart.addSeries(LineSeries, { ...options, color: color(second) });
  return {
    update(points, others = []) {
      series.setData(points);
      other?.setData(others);
      chart.timeScale().fitContent();
    },
    close,
  };
}

/** Candles with their volume below; `update` takes bars of the API, and leaves room where some are missing. */
export function candleChart(element) {
  const { chart, close } = makeChart(element, 420);
  const candles = chart.addSeries(CandlestickSeries, {
    upColor: color("good"),
    downColor: color("bad"),
    wickUpColor: color("good"),
    wickDownColor: color("bad"),
    borderVisible: false,
  });
  const volumes = chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" } });
  const missing = chart.addSeries(HistogramSeries, {
    priceScaleId: "missing",
    priceFormat: { type: "custom", formatter: () => "" },
    lastValueVisible: false,
    priceLineVisible: false,
  });
  chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
  chart.priceScale("missing").applyOptions({ scaleMargins: { top: 0, bottom: 0 }, visible: false });
  let isFirst = true;
  return {
    update({ bars, gaps, stepSeconds }) {
      const holes = gaps.flatMap(({ from, bars: holed }) =>
        Array.from({ length: Math.min(holed, 500) }, (_, at) => from + at * stepSeconds)
      );
      candles.setData(bars.map(({ ts, open, high, low, close }) => ({ time: ts, open, high, low, close })));
      volumes.setData(bars.map(({ ts, volume, open, close }) => ({
        time: ts,
        value: volume,
        color: `${color(close >= open ? "good" : "bad")}66`,
      })));
      missing.setData(holes.map((time) => ({ time, value: 1, color: `${color("warn")}44` })));
      if (isFirst) chart.timeScale().fitContent();
      isFirst = false;
    },
    close,
  };
}
