// Trends: the mood over time, by tenant and language, and the conversations that turn worse the fastest.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { languageName, number, percent, span, t } from "../i18n.js";
import { tableOf } from "../parts/chart.js";
import { conversationRow } from "../parts/conversation_row.js";
import { choice, chosen, filterBar, refreshFilters } from "../parts/filters.js";
import { labelMix, mixBar } from "../parts/label_mix.js";
import { empty, figure, load, viewHead } from "../parts/states.js";
import { sharesChart, troubleChart } from "../parts/trend_charts.js";
import { link, setParams } from "../router.js";
import { every } from "../ticker.js";
import { now } from "../time.js";

const FILTERS = ["tenant", "language"];
const RANGES = { "15m": 900, "1h": 3600, "24h": 86400, "7d": 604800, "30d": 2592000 };
const USUAL = "1h";

/** Show Trends. */
export function mount(root, at) {
  let { params } = at;
  const filters = h("div", null);
  const body = h("div", { class: "view" });
  const rising = h("section", { class: "sheet" });
  put(root, viewHead(t("nav.trends"), t("trends.what")), filters, body, rising);
  let seen = "";

  const ask = async () => {
    const seconds = RANGES[params.range] ?? RANGES[USUAL];
    const until = new Date(now());
    const since = new Date(until - seconds * 1000);
    return get("/trends", { since: since.toISOString(), until: until.toISOString(), ...chosen(FILTERS, params) });
  };
  const show = (trends) => {
    seen = JSON.stringify([trends.totals, trends.buckets.length]);
    if (!trends.totals.events) return empty("trends", t("trends.empty"), t("trends.empty.do"), widest(params));
    return charts(trends);
  };
  const refresh = (options) => load(body, ask, show, options);
  const refreshRising = (options) =>
    load(
      rising,
      () => get("/conversations", { sort: "rising", ...chosen(FILTERS, params), limit: 5 }),
      risingList,
      options,
    );
  const bar = () =>
    refreshFilters(filters, filterBar(FILTERS, params, choice("range", params, Object.keys(RANGES), USUAL)));

  const all = () => {
    bar();
    refresh();
    refreshRising();
  };
  all();
  every(15000, root, async () => {
    if (!seen || body.querySelector("details[open]") || body.contains(document.activeElement)) return;
    const trends = await ask().catch(() => null);
    if (trends && JSON.stringify([trends.totals, trends.buckets.length]) !== seen) put(body, show(trends));
    if (!rising.contains(document.activeElement)) refreshRising({ quietly: true });
  });
  return {
    update: (next) => {
      ({ params } = next);
      all();
    },
    keys: Object.keys(RANGES).map((range, index) => ({
      key: String(index + 1),
      text: t(`choice.range.${range}`),
      act: () => setParams({ range: range === USUAL ? "" : range }),
    })),
  };
}

function widest(params) {
  if (params.range === "30d") return null;
  return h(
    "button",
    { class: "button", type: "button", on: { click: () => setParams({ range: "30d" }) } },
    t("trends.widest"),
  );
}

function charts(trends) {
  const { totals } = trends;
  const seconds = (Date.parse(trends.until) - Date.parse(trends.since)) / 1000;
  return [
    h(
      "dl",
      { class: "figures" },
      figure(
        t("trends.events"),
        number(totals.events),
        "",
        t("trends.events.hint", { rate: number(totals.events / (seconds / 60), 1) }),
      ),
      figure(t("negative.share"), percent(totals.negative_share), "", t("negative.hint")),
      figure(
        t("outliers.head"),
        percent(totals.outliers / totals.events, 1),
        `(${number(totals.outliers)})`,
        t("status.outlier.hint"),
      ),
      figure(t("flips.head"), percent(totals.flips / totals.events, 1), `(${number(totals.flips)})`, t("flips.hint")),
      figure(t("latency.mean"), totals.latency_ms === null ? "–" : span(totals.latency_ms / 1000)),
    ),
    h("section", { class: "sheet" }, h("h2", null, t("trends.shares")), sharesChart(trends, seconds)),
    h(
      "section",
      { class: "sheet" },
      h("h2", null, t("trends.trouble")),
      h("p", { class: "soft" }, t("trends.trouble.what")),
      troubleChart(trends, seconds),
    ),
    h(
      "div",
      { class: "columns" },
      h("section", { class: "sheet" }, h("h2", null, t("trends.mix")), labelMix(totals.labels)),
      groups(t("trends.by.tenant"), t("filter.tenant"), trends.by_tenant, (name) => name),
      groups(
        t("trends.by.language"),
        t("filter.language"),
        trends.by_language,
        (name) => `${languageName(name)} (${name})`,
      ),
    ),
  ];
}

function groups(title, column, all, nameOf) {
  const rows = all.map((group) => [
    h("bdi", { class: "named" }, nameOf(group.name)),
    number(group.events),
    h("span", { class: "group-mix" }, mixBar(group.labels, Math.max(group.labelled, 1))),
    percent(group.negative_share),
    group.events ? percent(group.outliers / group.events, 1) : "–",
  ]);
  return h(
    "section",
    { class: "sheet" },
    h("h2", null, title),
    tableOf({
      head: [column, t("trends.events"), t("label"), t("negative.word.head"), t("outliers.head")],
      rows,
      numeric: [1, 3, 4],
      caption: title,
    }),
  );
}

function risingList(page) {
  const rising = page.conversations.filter((one) => one.rising > 0);
  return [
    h(
      "div",
      { class: "sheet-head" },
      h("h2", null, t("trends.rising")),
      h("a", { href: link("conversations", null, { sort: "rising" }) }, t("all")),
    ),
    h("p", { class: "soft" }, t("rising.hint")),
    rising.length
      ? h("ol", { class: "talks" }, rising.map(conversationRow))
      : h("p", { class: "soft" }, t("trends.rising.none")),
  ];
}
