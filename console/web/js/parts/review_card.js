// The message to be judged: what came before it, what the model thinks, and a button and a key per label.

import { h, said } from "../dom.js";
import { label as labelWord, percent, t } from "../i18n.js";
import { shape } from "../icons.js";
import { badge, family, shownLabel } from "../labels.js";
import { taxonomy } from "../session.js";
import { when } from "../time.js";
import { conversationLink, textOf } from "./event_row.js";
import { scoreBars } from "./turn.js";

// Without those that mean something else in Review: c, g, j, k, u.
const KEYS = "1234567890qweryiopdf";

/** Each label of a taxonomy with its key; past the last key, labels have a button alone. */
export function labelKeys(name) {
  return taxonomy(name).labels.map(({ name: label }, index) => ({ label, key: KEYS[index] ?? null }));
}

/** The card; `what` has the state and what the buttons do. */
export function reviewCard(item, what) {
  return h(
    "article",
    { class: "sheet review-card", "aria-labelledby": "review-text" },
    h(
      "div",
      { class: "sheet-head" },
      h("span", { class: "chip warn", title: t(`why.${item.why}.hint`) }, t(`why.${item.why}`)),
      h("span", { class: "soft" }, what.left),
    ),
    context(item),
    h(
      "div",
      { class: `review-message fam-${family(shownLabel(item))}` },
      h("p", { class: "soft" }, h("bdi", { class: "named", dir: "auto" }, item.speaker), " · ", when(item.sent_at)),
      h("p", { id: "review-text", class: "review-text" }, said(textOf(item))),
    ),
    modelSays(item),
    h("h2", null, t("review.ask")),
    h(
      "div",
      { class: "label-buttons", role: "group", "aria-label": t("review.ask") },
      labelKeys(item.taxonomy).map((one) => labelButton(one, item, what)),
    ),
    h(
      "div",
      { class: "review-actions" },
      h(
        "button",
        { class: "button", type: "button", disabled: !what.back, on: { click: what.back ?? (() => {}) } },
        t("previous"),
        " ",
        h("kbd", null, "k"),
      ),
      h(
        "button",
        { class: "button", type: "button", on: { click: what.skip } },
        t("skip.one"),
        " ",
        h("kbd", null, "j"),
      ),
      h(
        "button",
        { class: "button", type: "button", disabled: !what.undo, on: { click: what.undo ?? (() => {}) } },
        t("undo"),
        " ",
        h("kbd", null, "u"),
      ),
    ),
  );
}

function context(item) {
  return h(
    "div",
    { class: "review-context" },
    h("a", { href: conversationLink(item) }, t("review.conversation")),
    item.context.length
      ? h(
          "ol",
          null,
          item.context.map((turn) =>
            h(
              "li",
              null,
              h("bdi", { class: "named turn-speaker" }, turn.speaker),
              " ",
              said(textOf(turn)),
              turn.label
                ? h(
                    "span",
                    { class: `context-label fam-${family(turn.label)}` },
                    shape(family(turn.label)),
                    labelWord(turn.label),
                  )
                : null,
            ),
          ),
        )
      : null,
  );
}

function modelSays(item) {
  const candidates = item.candidates.map((one) => [badge(one), " "]);
  const undecided = item.model_label === null && item.status !== "unsupported";
  return h(
    "div",
    { class: "model-says" },
    undecided
      ? h("p", null, candidates.length ? [t("model.torn"), " ", candidates] : t("model.none"))
      : h(
          "p",
          null,
          t("model.says"),
          " ",
          badge(item.model_label ?? "unsupported"),
          " ",
          item.confidence === null ? null : h("span", { class: "number soft" }, percent(item.confidence)),
        ),
    candidates.length && !undecided ? h("p", { class: "soft" }, t("candidates"), " ", candidates) : null,
    Object.keys(item.scores).length
      ? h("details", null, h("summary", null, t("scores")), scoreBars(item.scores))
      : null,
  );
}

function labelButton({ label, key }, item, what) {
  const own = family(label);
  return h(
    "button",
    {
      class: `button label-button fam-${own}`,
      type: "button",
      disabled: !what.mayLabel,
      "aria-pressed": String(label === what.given),
      "aria-keyshortcuts": key,
      data: { label },
      on: { click: () => what.choose(label) },
    },
    shape(own),
    h("span", null, labelWord(label)),
    label === item.model_label ? h("small", { class: "soft" }, t("model.short")) : null,
    key && h("kbd", null, key),
  );
}
