// One conversation in a list.

import { h } from "../dom.js";
import { percent, t } from "../i18n.js";
import { badge } from "../labels.js";
import { link } from "../router.js";
import { when } from "../time.js";

/** A list entry that leads to the conversation. */
export function conversationRow(one) {
  const change = one.rising;
  const rising =
    change >= 0.05
      ? h("span", { class: "chip bad", title: t("rising.hint") }, `↗ ${t("rising")} +${percent(change)}`)
      : change <= -0.05
        ? h("span", { class: "chip good", title: t("rising.hint") }, `↘ ${t("calming")} −${percent(-change)}`)
        : null;
  return h(
    "li",
    { class: "talk" },
    h(
      "a",
      { class: "talk-name", href: link("conversations", one.conversation_id, { tenant: one.tenant }) },
      h("bdi", { class: "named", dir: "auto" }, one.conversation_id),
    ),
    h(
      "span",
      { class: "talk-last" },
      badge(one.last_label ?? "outlier"),
      h("span", { class: "soft" }, t("talk.by"), " ", h("bdi", { class: "named" }, one.last_speaker)),
    ),
    h(
      "span",
      { class: "talk-meta soft" },
      h("span", null, t("turns", { count: one.turns })),
      h(
        "span",
        { title: t("negative.hint") },
        h("span", {
          class: "meter fam-negative",
          "aria-hidden": "true",
          vars: { "--share": `${100 * one.negative_share}%` },
        }),
        " ",
        percent(one.negative_share),
        " ",
        t("negative.word"),
      ),
      one.outliers ? h("span", null, t("outliers.count", { count: one.outliers })) : null,
      one.corrected ? h("span", { class: "chip corrected" }, t("corrected.count", { count: one.corrected })) : null,
      h("span", { class: "chip" }, one.tenant),
      h("span", { class: "chip" }, one.language),
      rising,
      when(one.last_at),
    ),
  );
}
