// Why the gate let a version pass, or did not.

import { h } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { badge } from "../labels.js";
import { tableOf } from "./chart.js";
import { when } from "../time.js";

/** The gate's report: rules with their verdicts, F1 before and after, label by label. */
export function gateReport(gate) {
  if (gate === null) return h("p", { class: "soft" }, t("gate.none"));
  return h(
    "div",
    { class: "gate" },
    gate.reasons.length
      ? h(
          "ul",
          { class: "reasons" },
          gate.reasons.map((text) => h("li", null, text)),
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
            rule.text,
          ),
        ),
      ),
      metrics(gate),
      labels(gate),
      h(
        "p",
        { class: "soft" },
        t("gate.against", { version: gate.against }),
        " · ",
        gate.policy,
        " · ",
        when(gate.decided_at),
      ),
    ),
  );
}

const digits = (value) => (value === undefined ? "–" : value >= 0 && value <= 1 ? percent(value, 1) : number(value, 2));

function metrics(gate) {
  const names = Object.keys(gate.candidate);
  if (!names.length) return null;
  const rows = names.map((name) => [h("code", null, name), digits(gate.live[name]), digits(gate.candidate[name])]);
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
