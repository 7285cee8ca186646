// One family per label, whatever its taxonomy calls it: the family decides colour and shape, everywhere.

import { h } from "./dom.js";
import { label as labelWord, t } from "./i18n.js";
import { shape } from "./icons.js";
import { spare } from "./spare_labels.js";

const FAMILIES = {
  joy: ["joy", "happy", "happiness", "joyful"],
  anger: ["anger", "angry", "mad"],
  sadness: ["sadness", "sad"],
  fear: ["fear", "scared", "afraid"],
  disgust: ["disgust", "disgusted"],
  surprise: ["surprise", "surprised", "astonished"],
  neutral: ["neutral", "no_emotion", "others"],
  calm: ["peaceful", "relaxed", "calm"],
  power: ["powerful", "proud"],
  frustration: ["frustrated", "frustration", "annoyance"],
  excitement: ["excited", "excitement"],
  gratitude: ["grateful", "gratitude", "love"],
  worry: ["worried", "nervousness"],
  depression: ["depress", "depressed", "grief"],
  positive: ["positive-other", "positive"],
  negative: ["negative-other", "negative"],
};

const BY_LABEL = new Map(Object.entries(FAMILIES).flatMap(([family, names]) => names.map((name) => [name, family])));

/** The family of a label; `outlier` and `unsupported` are families of their own, and a label of nobody else's is one. */
export function family(label) {
  if (label === "outlier" || label === "unsupported") return label;
  if (!label) return "other";
  const name = String(label).toLowerCase();
  return BY_LABEL.get(name) ?? spare(name);
}

/** The label that holds, or why there is none. */
export function shownLabel(event) {
  return event.label ?? (event.status === "unsupported" ? "unsupported" : "outlier");
}

/** Shape, colour and name of a label. */
export function badge(label) {
  const own = family(label);
  return h(
    "span",
    { class: `badge fam-${own}`, title: familyText(own) },
    shape(own),
    h("span", null, labelWord(label)),
  );
}

const familyText = (own) => t(own.startsWith("spare-") ? "family.other" : `family.${own}`);

/** A colour as the theme has it now, for charts: a token's or a family's. */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name.replace(/^(spare-.).*/, "$1")})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
