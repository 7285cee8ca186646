// One turn of a conversation, and all that is known of it: scores, rounds, deduction, times, people's labels.

import { h, said } from "../dom.js";
import { label as labelWord, number, percent, span, t } from "../i18n.js";
import { badge, family, shownLabel } from "../labels.js";
import { shape } from "../icons.js";
import { link } from "../router.js";
import { when } from "../time.js";
import { textOf } from "./event_row.js";

/** A list entry; `other` sets it to the other side, as chats do. */
export function turnItem(turn, other) {
  const label = shownLabel(turn);
  return h(
    "li",
    { class: `turn fam-${family(label)}${other ? " other" : ""}`, tabindex: "-1" },
    h(
      "div",
      { class: "turn-head" },
      h("bdi", { class: "named turn-speaker", dir: "auto" }, turn.speaker),
      when(turn.sent_at),
    ),
    said(textOf(turn), `said turn-text${turn.text === null ? " soft" : ""}`),
    h(
      "div",
      { class: "turn-facts" },
      badge(label),
      turn.confidence === null
        ? null
        : h("span", { class: "number soft", title: t("confidence.hint") }, percent(turn.confidence)),
      turn.corrected
        ? h(
            "span",
            { class: "chip corrected" },
            t("corrected.from", { label: labelWord(turn.model_label ?? "outlier") }),
          )
        : null,
      turn.flipped
        ? h("span", { class: "chip", title: t("flips.hint") }, t("flipped", { label: labelWord(turn.first_label) }))
        : null,
      turn.degraded ? h("span", { class: "chip warn", title: t("degraded.hint") }, t("degraded")) : null,
      h(
        "a",
        {
          class: "turn-review",
          href: link("review", turn.event_id),
          "aria-label": t("live.review.of", { speaker: turn.speaker }),
        },
        t("live.review"),
      ),
    ),
    h("details", null, h("summary", null, t("turn.details")), details(turn)),
  );
}

function details(turn) {
  return h(
    "div",
    { class: "turn-details" },
    section(t("scores"), scoreBars(turn.scores)),
    section(t("rounds"), turn.rounds.map(round)),
    turn.deduction ? section(t("deduction"), deduction(turn.deduction)) : null,
    turn.labels.length ? section(t("people.labels"), h("ul", null, turn.labels.map(given))) : null,
    section(t("turn.how"), how(turn)),
  );
}

function section(title, content) {
  return h("section", null, h("h3", null, title), content);
}

/** Bars of probability by label, the likeliest first. */
export function scoreBars(scores) {
  const entries = Object.entries(scores).sort((one, two) => two[1] - one[1]);
  if (!entries.length) return h("p", { class: "soft" }, t("scores.none"));
  return h(
    "ul",
    { class: "scores" },
    entries.map(([name, share]) => {
      const own = family(name);
      return h(
        "li",
        { class: `fam-${own}` },
        shape(own),
        h("span", { class: "score-name" }, labelWord(name)),
        h("span", { class: "meter", "aria-hidden": "true", vars: { "--share": `${100 * share}%` } }),
        h("span", { class: "number" }, percent(share, share < 0.1 ? 1 : 0)),
      );
    }),
  );
}

function round(one) {
  const words = (role, answer) => {
    const top = answer.label && answer.scores[answer.label];
    return h(
      "div",
      { class: "role" },
      h("span", { class: "role-name", title: t(`role.${role}.hint`) }, t(`role.${role}`)),
      answer.label ? badge(answer.label) : h("span", { class: "soft" }, t("answer.none")),
      top ? h("span", { class: "number soft" }, percent(top)) : null,
      answer.reason ? said(answer.reason, "said role-reason") : null,
    );
  };
  const agree = one.discriminator && one.discriminator.label === one.generator.label;
  return h(
    "div",
    { class: "round" },
    h(
      "p",
      { class: "soft" },
      t("round", { number: one.number }),
      " ",
      one.discriminator
        ? h("span", { class: `chip ${agree ? "good" : "warn"}` }, t(agree ? "agreed" : "disagreed"))
        : null,
    ),
    words("generator", one.generator),
    one.discriminator ? words("discriminator", one.discriminator) : null,
  );
}

function deduction({ scenario, people, relationships }) {
  const entry = (name, text) => [h("dt", null, name), h("dd", null, said(text))];
  return h(
    "dl",
    { class: "pairs" },
    entry(t("deduction.scenario"), scenario),
    entry(t("deduction.people"), people),
    entry(t("deduction.relationships"), relationships),
  );
}

/** One person's label, in a list. */
function given(one) {
  return h(
    "li",
    null,
    one.label ? badge(one.label) : h("span", { class: "soft" }, t("label.taken")),
    " ",
    h("bdi", { class: "named" }, one.labelled_by),
    " ",
    when(one.labelled_at),
  );
}

function how(turn) {
  const { steps, usage } = turn;
  const entry = (name, value) => [h("dt", null, name), h("dd", null, value)];
  const ms = (value) => span(value / 1000);
  return h(
    "dl",
    { class: "pairs" },
    entry(t("adapter"), turn.adapter ?? t("adapter.none")),
    entry(t("model.name"), turn.model),
    entry(t("policy"), `${turn.policy} · ${turn.mode}`),
    entry(t("time.all"), ms(turn.latency_ms)),
    entry(
      t("time.steps"),
      t("time.steps.text", {
        transport: ms(steps.transport),
        window: ms(steps.window),
        queue: ms(steps.queue),
        model: ms(steps.model),
      }),
    ),
    entry(
      t("usage"),
      t("usage.text", { calls: usage.model_calls, tokens: usage.prompt_tokens + usage.completion_tokens }),
    ),
    entry(t("event.id"), h("code", { class: "named" }, turn.event_id)),
    turn.candidates.length
      ? entry(
          t("candidates"),
          turn.candidates.map((name) => badge(name)),
        )
      : null,
    entry(t("taxonomy"), `${turn.taxonomy} · ${t("valence")} ${turn.valence === null ? "–" : number(turn.valence, 2)}`),
  );
}
