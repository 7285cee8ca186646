// Charts by Apache ECharts, loaded when the first one is shown. Each has its figures as a table beside it, for those
// who cannot see it; tips are drawn on the canvas, so no text of anybody's ever becomes HTML.

import { add, h } from "../dom.js";
import { t } from "../i18n.js";
import { colour } from "../labels.js";

let loading = null;

function echarts() {
  loading ??= new Promise((resolve, reject) => {
    const script = h("script", { src: "vendor/echarts.common.min.js" });
    script.addEventListener("load", () => resolve(window.echarts));
    script.addEventListener("error", () => {
      loading = null;
      script.remove();
      reject(new Error("the chart library did not load"));
    });
    document.head.append(script);
  });
  return loading;
}

/** Text, lines and grid of all charts in the theme's colours. */
export function chartBase() {
  const soft = colour("ink-soft");
  const line = { lineStyle: { color: colour("line") } };
  const axis = {
    axisLabel: { color: soft, hideOverlap: true },
    axisLine: { lineStyle: { color: colour("line-strong") } },
    splitLine: line,
    nameTextStyle: { color: soft },
  };
  return {
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    animationDuration: 250,
    grid: { left: 8, right: 16, top: 36, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      backgroundColor: colour("raised"),
      borderColor: colour("line-strong"),
      textStyle: { color: colour("ink"), fontSize: 12 },
    },
    legend: {
      type: "scroll",
      top: 0,
      left: 0,
      icon: "roundRect",
      textStyle: { color: colour("ink") },
      pageTextStyle: { color: soft },
      pageIconColor: soft,
    },
    xAxis: axis,
    yAxis: axis,
  };
}

/**
 * A chart: `say` tells it in words, `options()` makes ECharts' options (again when the theme changes), `table` is
 * `{head, rows}`.
 */
export function chart({ say, options, table, small = false, click = null }) {
  const canvas = h("div", { class: `chart${small ? " small" : ""}`, role: "img", "aria-label": say });
  const figures = h("details", { class: "figures-table" }, h("summary", null, t("chart.figures")), tableOf(table));
  const box = h("figure", null, canvas, figures);
  echarts().then(
    (library) => draw(library, canvas, options, click),
    () => canvas.replaceChildren(t("chart.missing")),
  );
  return box;
}

function draw(library, canvas, options, click) {
  if (!canvas.isConnected) return;
  const drawn = library.init(canvas, null, { renderer: "canvas" });
  const paint = () => drawn.setOption(options(), { notMerge: true });
  paint();
  if (click) drawn.on("click", click);
  const sized = new ResizeObserver(() => (canvas.isConnected ? drawn.resize() : end()));
  const gone = new MutationObserver(() => canvas.isConnected || end());
  function end() {
    sized.disconnect();
    gone.disconnect();
    removeEventListener("themechange", paint);
    drawn.dispose();
  }
  sized.observe(canvas);
  gone.observe(document.getElementById("app"), { childList: true, subtree: true });
  addEventListener("themechange", paint);
}

/** A table of cells that are texts or nodes; numbers are set to the right where `numeric` has the column. */
export function tableOf({ head, rows, numeric = [], caption = null }) {
  const cell = (tag, value, column) =>
    add(h(tag, { class: numeric.includes(column) ? "number" : null, scope: tag === "th" ? "col" : null }), [value]);
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", "aria-label": caption ?? t("chart.figures") },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          head.map((value, column) => cell("th", value, column)),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((row) =>
          h(
            "tr",
            null,
            row.map((value, column) => cell("td", value, column)),
          ),
        ),
      ),
    ),
  );
}
