// A bar of shares by label, with a button for each: what comes in now, or what a tenant had.

import { h } from "../dom.js";
import { label as labelWord, number, percent, t } from "../i18n.js";
import { shape } from "../icons.js";
import { family } from "../labels.js";

/** A bar of the counts by label, the largest first; nothing else. */
export function mixBar(counts, total) {
  const entries = sorted(counts);
  return h(
    "div",
    { class: "mix-bar", "aria-hidden": "true" },
    entries.map(([name, count]) =>
      h("span", {
        class: `fam-${family(name)}`,
        title: labelWord(name),
        vars: { "--share": `${(100 * count) / total}%` },
      }),
    ),
  );
}

function sorted(counts) {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort((one, two) => two[1] - one[1]);
}

/** The bar and its legend; `pick` gets a label that was clicked, `chosen` is the one that is picked. */
export function labelMix(counts, { pick = null, chosen = null } = {}) {
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  if (!total) return h("p", { class: "soft" }, t("mix.empty"));
  const entry = ([name, count]) => {
    const own = family(name);
    const inside = [
      shape(own),
      h("span", null, labelWord(name)),
      h("b", { class: "number" }, percent(count / total)),
      h("small", { class: "soft number" }, number(count)),
    ];
    if (!pick || own === "outlier" || own === "unsupported")
      return h("span", { class: `mix-entry fam-${own}` }, inside);
    return h(
      "button",
      {
        class: `mix-entry fam-${own}`,
        type: "button",
        "aria-pressed": String(name === chosen),
        data: { label: name },
        on: { click: () => pick(name) },
      },
      inside,
    );
  };
  return h(
    "div",
    { class: "mix" },
    mixBar(counts, total),
    h("div", { class: "mix-legend" }, sorted(counts).map(entry)),
  );
}
