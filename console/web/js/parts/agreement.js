// Beside Review: what people said lately, and how far they agree.

import { get } from "../api.js";
import { h } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { badge } from "../labels.js";
import { link } from "../router.js";
import { session } from "../session.js";
import { when } from "../time.js";
import { tableOf } from "./chart.js";
import { load } from "./states.js";
import { textOf } from "./event_row.js";

const RECENT = 8;

/** The latest labels; those of the one who looks can be taken back. */
export function recentSheet(section, takeBack) {
  return load(
    section,
    () => get("/labels", { limit: RECENT }),
    (page) => [
      h("h2", null, t("recent.title")),
      page.labels.length
        ? h(
            "ol",
            { class: "recent" },
            page.labels.map((one) => recent(one, takeBack)),
          )
        : h("p", { class: "soft" }, t("recent.empty")),
    ],
    { quietly: section.hasChildNodes() },
  );
}

function recent(one, takeBack) {
  const mine = one.label && one.labelled_by === session.me.name && session.me.may_label;
  return h(
    "li",
    null,
    h(
      "a",
      { class: "recent-text", href: link("review", one.event_id) },
      h("bdi", { class: "named", dir: "auto" }, cut(textOf(one))),
    ),
    h(
      "span",
      { class: "soft" },
      one.label ? badge(one.label) : h("span", { class: "chip" }, t("label.taken")),
      " ",
      h("bdi", { class: "named" }, one.labelled_by),
      " · ",
      when(one.labelled_at),
    ),
    mine
      ? h("button", { class: "button quiet", type: "button", on: { click: () => takeBack(one) } }, t("label.take"))
      : null,
  );
}

const cut = (text) => (text.length > 90 ? `${text.slice(0, 90)}…` : text);

/** Who labelled how much, each pair's agreement, and Krippendorff's alpha in words. */
export function agreementSheet(section, params) {
  return load(
    section,
    () => get("/agreement", params),
    (found) => [h("h2", null, t("agreement.title")), ...agreement(found)],
    { quietly: section.hasChildNodes() },
  );
}

function agreement(found) {
  if (!found.reviewers.length) return [h("p", { class: "soft" }, t("agreement.empty"))];
  const people = found.reviewers.map((one) => [
    h("bdi", { class: "named" }, one.name),
    number(one.labels),
    percent(one.agreed_with_model),
    one.last_at ? when(one.last_at) : "–",
  ]);
  const pairs = found.pairs.map((pair) => [
    h("span", null, h("bdi", { class: "named" }, pair.first), " – ", h("bdi", { class: "named" }, pair.second)),
    number(pair.messages),
    percent(pair.agreement),
    pair.kappa === null ? "–" : number(pair.kappa, 2),
  ]);
  return [
    h(
      "p",
      null,
      found.alpha === null
        ? t("alpha.none")
        : [
            h("b", { class: "number" }, `α = ${number(found.alpha, 2)}`),
            " ",
            t(alphaWord(found.alpha)),
            " ",
            h("span", { class: "soft" }, t("alpha.of", { count: found.messages })),
          ],
    ),
    h("p", { class: "soft" }, t("alpha.hint")),
    tableOf({
      head: [t("person"), t("labels.head"), t("with.model"), t("last")],
      rows: people,
      numeric: [1, 2],
      caption: t("agreement.people"),
    }),
    pairs.length
      ? tableOf({
          head: [t("pair"), t("messages.head"), t("agreed"), t("kappa")],
          rows: pairs,
          numeric: [1, 2, 3],
          caption: t("agreement.pairs"),
        })
      : null,
  ];
}

function alphaWord(alpha) {
  if (alpha >= 0.8) return "alpha.good";
  return alpha >= 0.667 ? "alpha.fair" : "alpha.poor";
}
