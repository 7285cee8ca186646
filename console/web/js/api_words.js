// What the API says in words, in the reader's language. It speaks English, and then its own words are the most exact;
// for the other languages it gives a code, and the facts that fill the places of that code's text.

import { h } from "./dom.js";
import { fill, label, language, percent, t } from "./i18n.js";
import zh from "./locales/api_zh.js";

const WORDS = { zh };

/** The text of a code; the API's own where it is English, or newer than this page. */
export function apiWords(code, facts, original) {
  const text = WORDS[language()]?.[code];
  return text === undefined ? original : fill(text, facts);
}

/** All that findings say, one after the other, and what to do by the first that knows. */
export function findingWords(part) {
  if (!WORDS[language()] || !part.findings?.length) return [part.text, part.to_do];
  const does = part.findings.map((one) => apiWords(`${one.code}.do`, one.facts, null));
  return [part.findings.map((one) => apiWords(one.code, one.facts, part.text)).join(" "), does.find(Boolean) ?? null];
}

/** The API's own words, folded away, where they were said in another language above. */
export function inTheOriginal(text) {
  if (!WORDS[language()] || !text) return null;
  return h(
    "details",
    { class: "original" },
    h("summary", null, t("original")),
    h("p", { class: "named", lang: "en" }, text),
  );
}

/** An alert rule in words, by its fields. */
export function ruleWords(definition, original) {
  const words = WORDS[language()];
  if (!words || !definition?.kind) return original;
  const say = (key, facts) => fill(words[key], facts);
  let what = words["rule.outlier"];
  if (definition.label) what = label(definition.label);
  else if (definition.sentiment) what = t(`sentiment.${definition.sentiment}`);
  if (definition.confidence) what = say("rule.sure", { what, confidence: percent(definition.confidence, 1) });
  const whose = words[`of.${definition.of ?? definition.per}`];
  if (definition.kind === "share") {
    return say("rule.share", { whose, what, minutes: definition.minutes, share: percent(definition.share, 1) });
  }
  const row = definition.consecutive && definition.turns > 1 ? ".row" : "";
  const rule = say(`rule.turns${row}`, { whose, what, count: definition.turns });
  return definition.within_minutes ? say("rule.within", { rule, minutes: definition.within_minutes }) : rule;
}
