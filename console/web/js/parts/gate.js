// Why the gate let a version pass, or did not.

import { apiWords, inTheOriginal } from "../api_words.js";
import { h } from "../dom.js";
import { has, number, percent, t } from "../i18n.js";
import { badge } from "../labels.js";
import { tableOf } from "./chart.js";
import { when } from "../time.js";

/** The gate's report: rules with their verdicts, F1 before and after, label by label. */
export function gateReport(gate) {
  if (gate === null) return h("p", { class: "soft" }, t("gate.none"));
  return h(
    "div",
    { class: "gate" },
    gate.rules.some((rule) => !rule.passed)
      ? h(
          "ul",
          { class: "reasons" },
          gate.rules.filter((rule) => !rule.passed).map((rule) => h("li", null, ruleText(rule))),
        )
      : null,
    h(
      "details",
      null,
      h("summary", null, t("gate.report", { count: gate.messages })),
      h(
        "ul",
        { class: "gate-rules" },
        gate.rules.map((rule) =>
          h(
            "li",
            null,
            h(
              "span",
              { class: `chip ${rule.passed ? "good" : "bad"}` },
              t(rule.passed ? "rule.passed" : "rule.failed"),
            ),
            " ",
            ruleText(rule),
          ),
        ),
      ),
      metrics(gate),
      labels(gate),
      h(
        "p",
        { class: "soft" },
        t("gate.against", { version: against(gate) }),
        " · ",
        gate.policy,
        " · ",
        when(gate.decided_at),
      ),
    ),
  );
}

const against = (gate) => (gate.against_base ? `${gate.against} (${t("adapter.none")})` : gate.against);

function ruleText(rule) {
  const name = t(`gate.rule.${rule.name}`);
  const text = apiWords(rule.code ?? "gate_old", rule.facts, rule.text);
  return [h("b", null, name), " ", text, rule.code ? null : inTheOriginal(rule.text)];
}

const digits = (value) => (value === undefined ? "–" : value >= 0 && value <= 1 ? percent(value, 1) : number(value, 2));

function metrics(gate) {
  const names = Object.keys(gate.candidate);
  if (!names.length) return null;
  const named = (name) => (has(`metric.${name}`) ? t(`metric.${name}`) : h("code", null, name));
  const rows = names.map((name) => [named(name), digits(gate.live[name]), digits(gate.candidate[name])]);
  return tableOf({
    head: [t("metric"), t("gate.live"), t("gate.candidate")],
    rows,
    numeric: [1, 2],
    caption: t("metric"),
  });
}

function labels(gate) {
  if (!gate.labels.length) return null;
  const change = (one) => {
    const by = one.candidate_f1 - one.live_f1;
    return `${by > 0 ? "+" : by < 0 ? "−" : "±"}${percent(Math.abs(by), 1)}`;
  };
  const rows = gate.labels.map((one) => [
    badge(one.name),
    number(one.support),
    percent(one.live_f1, 1),
    percent(one.candidate_f1, 1),
    change(one),
  ]);
  return tableOf({
    head: [t("label"), t("support"), t("gate.live"), t("gate.candidate"), t("change")],
    rows,
    numeric: [1, 2, 3, 4],
    caption: t("gate.labels"),
  });
}
