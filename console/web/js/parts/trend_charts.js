// The two charts of Trends.

import { chart, chartBase } from "./chart.js";
import { exact, label as labelWord, number, percent, t, tick } from "../i18n.js";
import { colour, family } from "../labels.js";

function timeAxis(base, trends, seconds) {
  return {
    ...base.xAxis,
    type: "category",
    data: trends.buckets.map((bucket) => bucket.start),
    axisLabel: { ...base.xAxis.axisLabel, formatter: (start) => tick(new Date(start), seconds) },
    splitLine: { show: false },
  };
}

const shareAxis = (base, most) => ({
  ...base.yAxis,
  type: "value",
  min: 0,
  max: most,
  axisLabel: { ...base.yAxis.axisLabel, formatter: (value) => percent(value, most === null && value < 0.1 ? 1 : 0) },
});

const tip = (items) =>
  [
    exact(new Date(items[0].axisValue)),
    ...items.filter((item) => item.value).map((item) => `${item.seriesName}  ${percent(item.value, 1)}`),
  ].join("\n");

/** The label names of these trends, each sentiment's together, the commonest first. */
function labelsOf(trends) {
  return Object.entries(trends.totals.labels)
    .sort((one, two) => two[1] - one[1])
    .map(([name]) => name);
}

/** Share of each label over time, stacked to a whole. */
export function sharesChart(trends, seconds) {
  const labels = labelsOf(trends);
  const options = () => {
    const base = chartBase();
    const series = labels.map((name) => ({
      name: labelWord(name),
      type: "bar",
      stack: "share",
      barCategoryGap: trends.buckets.length > 80 ? "0%" : "12%",
      data: trends.buckets.map((bucket) => bucket.shares[name] ?? 0),
      itemStyle: {
        color: colour(family(name)),
        borderColor: colour("sheet"),
        borderWidth: trends.buckets.length > 80 ? 0 : 0.5,
      },
      emphasis: { focus: "series" },
    }));
    return {
      ...base,
      tooltip: { ...base.tooltip, axisPointer: { type: "shadow" }, formatter: tip },
      xAxis: timeAxis(base, trends, seconds),
      yAxis: shareAxis(base, 1),
      series,
    };
  };
  const filled = trends.buckets.filter((bucket) => bucket.events).slice(-60);
  const table = {
    head: [t("time"), t("trends.events"), ...labels.map(labelWord)],
    rows: filled.map((bucket) => [
      exact(new Date(bucket.start)),
      number(bucket.events),
      ...labels.map((name) => percent(bucket.shares[name] ?? 0, 1)),
    ]),
    numeric: [1, ...labels.map((_, index) => index + 2)],
    caption: t("trends.shares"),
  };
  return chart({ say: t("trends.shares.say", { labels: labels.map(labelWord).join(", ") }), options, table });
}

const LINES = [
  ["outliers.head", (bucket) => bucket.outliers / bucket.events, "solid", "rect", "ink"],
  ["flips.head", (bucket) => bucket.flips / bucket.events, "dashed", "diamond", "accent"],
  ["negative.share", (bucket) => bucket.negative_share, "dotted", "triangle", "negative"],
];

/** Outliers, flips and the negative share over time, told apart by dashes and marks besides their colours. */
export function troubleChart(trends, seconds) {
  const few = trends.buckets.length <= 40;
  const options = () => {
    const base = chartBase();
    const series = LINES.map(([key, value, type, symbol, ink]) => ({
      name: t(key),
      type: "line",
      symbol,
      symbolSize: 7,
      showSymbol: few,
      data: trends.buckets.map((bucket) => (bucket.events ? value(bucket) : null)),
      lineStyle: { type, width: 2, color: colour(ink) },
      itemStyle: { color: colour(ink) },
    }));
    return {
      ...base,
      legend: { ...base.legend, icon: undefined },
      tooltip: { ...base.tooltip, formatter: tip },
      xAxis: timeAxis(base, trends, seconds),
      yAxis: shareAxis(base, null),
      series,
    };
  };
  const filled = trends.buckets.filter((bucket) => bucket.events).slice(-60);
  const table = {
    head: [t("time"), ...LINES.map(([key]) => t(key))],
    rows: filled.map((bucket) => [
      exact(new Date(bucket.start)),
      ...LINES.map(([, value]) => percent(value(bucket), 1)),
    ]),
    numeric: [1, 2, 3],
    caption: t("trends.trouble"),
  };
  return chart({ say: t("trends.trouble.what"), options, table, small: true });
}
