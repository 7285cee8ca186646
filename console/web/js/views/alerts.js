// Alerts: rules that came true, and the rules themselves.

import { get } from "../api.js";
import { apiWords, inTheOriginal, ruleWords } from "../api_words.js";
import { h, put } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { chosen, choice, refreshFilters, filterBar } from "../parts/filters.js";
import { moreButton } from "../parts/pages.js";
import { empty, load, viewHead } from "../parts/states.js";
import { link } from "../router.js";
import { every } from "../ticker.js";
import { when } from "../time.js";

const DELIVERY = { pending: "warn", sent: "good", given_up: "bad" };

/** Show Alerts. */
export function mount(root, at) {
  let { params } = at;
  let first = "";
  const filters = h("div", null);
  const list = h("section", { "aria-label": t("alerts.list") });
  const rules = h("section", { class: "sheet" });
  put(root, viewHead(t("nav.alerts"), t("alerts.what")), filters, list, rules);

  const ask = (cursor) => get("/alerts", { ...chosen(["severity", "tenant", "rule"], params), cursor, limit: 50 });
  const show = (page) => {
    first = JSON.stringify(page);
    if (!page.alerts.length) return empty("alerts", t("alerts.empty"), t("alerts.empty.do"));
    const items = h("ol", { class: "alerts" }, page.alerts.map(alertItem));
    const more = moreButton(items, page.next_cursor, async (cursor) => {
      const next = await ask(cursor);
      return { nodes: next.alerts.map(alertItem), cursor: next.next_cursor };
    });
    return [items, more];
  };
  const refresh = () => {
    refreshFilters(
      filters,
      filterBar(["tenant"], params, choice("severity", params, ["any", "info", "warning", "critical"], "any")),
    );
    load(list, () => ask(), show);
  };
  refresh();
  load(rules, () => get("/alerts/rules"), rulesSheet);
  every(5000, root, async () => {
    if (!first || list.contains(document.activeElement) || list.querySelectorAll(".alert").length > 50) return;
    const page = await ask().catch(() => null);
    if (page && JSON.stringify(page) !== first) put(list, show(page));
  });
  return {
    update: (next) => {
      ({ params } = next);
      refresh();
    },
  };
}

function alertItem(alert) {
  const where =
    alert.conversation_id &&
    h(
      "a",
      { href: link("conversations", alert.conversation_id, { tenant: alert.tenant }) },
      h("bdi", { class: "named", dir: "auto" }, alert.conversation_id),
    );
  return h(
    "li",
    { class: `alert sheet severity-${alert.severity}` },
    h(
      "div",
      { class: "sheet-head" },
      h("div", null, severity(alert.severity), " ", h("strong", { class: "named" }, ruleWords(alert.definition, alert.title))),
      when(alert.occurred_at),
    ),
    h(
      "p",
      { class: "alert-facts soft" },
      h("span", null, t("alerts.rule"), " ", h("code", { class: "named" }, alert.rule)),
      alert.speaker && h("span", null, t("speaker"), " ", h("bdi", { class: "named", dir: "auto" }, alert.speaker)),
      where && h("span", null, t("conversation.word"), " ", where),
      alert.tenant && h("span", null, t("filter.tenant"), " ", h("bdi", { class: "named" }, alert.tenant)),
      alert.value === null
        ? null
        : h(
            "span",
            null,
            t("alerts.value", {
              value: measure(alert.value),
              threshold: alert.threshold === null ? "–" : measure(alert.threshold),
            }),
          ),
      h("span", null, alert.ended_at ? [t("alerts.ended"), " ", when(alert.ended_at)] : null),
    ),
    alert.deliveries.length
      ? h("ul", { class: "deliveries" }, alert.deliveries.map(delivery))
      : h("p", { class: "soft" }, t("alerts.unsent")),
  );
}

function severity(name) {
  return h("span", { class: `chip ${{ critical: "bad", warning: "warn" }[name] ?? ""}` }, t(`severity.${name}`));
}

// Shares and probabilities read best as percentages; other figures stay as they are.
const measure = (value) => (value >= 0 && value <= 1 ? percent(value) : number(value, 2));

function delivery(one) {
  return h(
    "li",
    null,
    h("span", { class: `chip ${DELIVERY[one.state]}` }, t(`delivery.${one.state}`)),
    " ",
    h("bdi", { class: "named" }, one.webhook),
    h(
      "span",
      { class: "soft" },
      " · ",
      t("delivery.attempts", { count: one.attempts }),
      one.sent_at ? [" · ", when(one.sent_at)] : null,
      one.last_error && one.state !== "sent" ? [" · ", apiWords("delivery", {}, one.last_error)] : null,
    ),
    one.last_error && one.state !== "sent" ? inTheOriginal(one.last_error) : null,
  );
}

function rulesSheet(found) {
  const head = h(
    "div",
    { class: "sheet-head" },
    h("h2", null, t("rules.title")),
    found.file ? h("code", { class: "soft named" }, found.file) : null,
  );
  if (!found.rules.length)
    return [
      head,
      h("p", null, t("rules.empty")),
      h("p", null, h("code", null, "ALERT_RULES=alerts.yaml sentistream console")),
    ];
  const rule = (one) =>
    h(
      "li",
      null,
      h("div", null, severity(one.severity), " ", h("strong", { class: "named" }, ruleWords(one.definition, one.text))),
      h("details", null, h("summary", null, h("code", { class: "named" }, one.name)), definition(one)),
    );
  return [
    head,
    h("ul", { class: "rules" }, found.rules.map(rule)),
    h("p", { class: "soft" }, t(found.webhook ? "rules.webhook" : "rules.no.webhook")),
  ];
}

function definition(one) {
  const entries = Object.entries({ ...(one.tenant ? { tenant: one.tenant } : {}), ...one.definition });
  const text = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  return h(
    "dl",
    { class: "pairs" },
    entries
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [h("dt", null, h("code", null, name)), h("dd", { class: "named" }, text(value))]),
  );
}
