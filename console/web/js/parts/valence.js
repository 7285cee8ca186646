// The valence curve: one line per speaker, told apart by dashes; each point has the shape and colour of its label.

import { chart, chartBase } from "./chart.js";
import { label as labelWord, number, t } from "../i18n.js";
import { shapePath } from "../icons.js";
import { badge, colour, family, shownLabel } from "../labels.js";

// Five by three strokes: fifteen speakers have lines unlike each other's, and all have one.
const DASHES = ["solid", "dashed", "dotted", [12, 4, 3, 4], [2, 6]];
const SHORT = 24;

const short = (text) => (text.length > SHORT ? `${text.slice(0, SHORT)}…` : text);

/** A short name for each speaker, each its own: the legend and the lines go by it. */
function namesOf(speakers) {
  const taken = new Set();
  const name = (speaker) => {
    let found = short(speaker);
    for (let number = 2; taken.has(found); number += 1) found = `${short(speaker)} (${number})`;
    taken.add(found);
    return [speaker, found];
  };
  return new Map(speakers.map(name));
}

/** The chart of these turns; `reveal` gets the turn of a point that was clicked. */
export function valenceChart(turns, reveal) {
  const known = turns.filter((turn) => turn.valence !== null);
  const speakers = [...new Set(known.map((turn) => turn.speaker))];
  const names = namesOf(speakers);
  const options = () => {
    const base = chartBase();
    const strokes = [colour("ink"), colour("accent"), colour("ink-soft")];
    const line = (speaker, at) => {
      const stroke = strokes[at % strokes.length];
      const data = turns.map((turn, index) => {
        if (turn.speaker !== speaker || turn.valence === null) return null;
        const own = family(shownLabel(turn));
        return { value: [index + 1, turn.valence], symbol: shapePath(own), itemStyle: { color: colour(own) }, turn };
      });
      return {
        name: names.get(speaker),
        type: "line",
        connectNulls: true,
        symbolSize: 13,
        symbolKeepAspect: true,
        data: data.filter(Boolean),
        lineStyle: { color: stroke, type: DASHES[at % DASHES.length], width: 1.75 },
        itemStyle: { color: stroke },
        emphasis: { focus: "series" },
      };
    };
    return {
      ...base,
      grid: { ...base.grid, top: 34 },
      legend: { ...base.legend, icon: undefined },
      tooltip: {
        ...base.tooltip,
        trigger: "item",
        formatter: ({ data }) =>
          `${names.get(data.turn.speaker)}\n${labelWord(shownLabel(data.turn))}  ${number(data.value[1], 2)}\n${wrap(data.turn.text ?? "")}`,
      },
      xAxis: {
        ...base.xAxis,
        type: "value",
        min: 1,
        max: Math.max(turns.length, 2),
        minInterval: 1,
        splitLine: { show: false },
        axisLine: { ...base.xAxis.axisLine, onZero: true },
      },
      yAxis: {
        ...base.yAxis,
        type: "value",
        min: -1,
        max: 1,
        interval: 0.5,
        axisLabel: {
          ...base.yAxis.axisLabel,
          formatter: (value) =>
            ({ "-1": t("sentiment.negative"), 0: t("sentiment.neutral"), 1: t("sentiment.positive") })[value] ?? "",
        },
      },
      series: speakers.map(line),
    };
  };
  const rows = turns.map((turn, index) => [
    index + 1,
    turn.speaker,
    badge(shownLabel(turn)),
    turn.valence === null ? "–" : number(turn.valence, 2),
  ]);
  return chart({
    say: t("valence.say", { speakers: speakers.join(", "), count: turns.length }),
    options,
    table: {
      head: [t("turn"), t("speaker"), t("label"), t("valence")],
      rows,
      numeric: [0, 3],
      caption: t("valence.title"),
    },
    click: ({ data }) => data?.turn && reveal(data.turn),
  });
}

function wrap(text) {
  const cut = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return cut.replace(/(.{1,40})(\s|$)/g, "$1\n").trim();
}
