// Words in the chosen language; numbers and times by its locale.

import en from "./locales/en.js";
import zh from "./locales/zh.js";
import { remember } from "./memory.js";

const LOCALES = { en, zh };
// Dates and numbers as the reader has them, where the region is of this language: en-GB, zh-TW.
const TAGS = Object.fromEntries(
  Object.entries({ en: "en", zh: "zh-CN" }).map(([name, usual]) => [
    name,
    navigator.languages?.find((tag) => tag.toLowerCase().startsWith(name)) ?? usual,
  ]),
);

let current = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
let made = {};

/** The language in use: `en` or `zh`. */
export function language() {
  return current;
}

/** Use another language, and keep it. */
export function useLanguage(name) {
  current = name;
  made = {};
  document.documentElement.lang = name === "zh" ? "zh-CN" : name;
  remember("language", name);
}

/** The text of a key with its `{places}` filled in; an object of plural forms is chosen by `count`. */
export function t(key, values = {}) {
  let text = LOCALES[current][key] ?? LOCALES.en[key];
  if (text === undefined) return key;
  if (typeof text !== "string") text = text[plural().select(values.count)] ?? text.other;
  return fill(text, values);
}

/** A text with its `{places}` filled in; numbers by the locale. */
export function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value) : String(value);
  });
}

/** Whether there is a text of this key. */
export function has(key) {
  return key in LOCALES.en;
}

/** The name of a label in the reader's language; one that nobody translated stays as it is. */
export function label(name) {
  const key = `label.${String(name).toLowerCase()}`;
  return has(key) ? t(key) : String(name);
}

const keep = (key, make) => (made[key] ??= make(TAGS[current]));
const plural = () => keep("plural", (tag) => new Intl.PluralRules(tag));

/** A number by the locale. */
export function number(value, digits = 0) {
  const options = { maximumFractionDigits: digits, minimumFractionDigits: Number.isInteger(value) ? 0 : digits };
  return keep(`n${digits}${Number.isInteger(value)}`, (tag) => new Intl.NumberFormat(tag, options)).format(value);
}

/** A rate with as many digits as tell something. */
export function rate(value) {
  return number(value, value < 10 ? 1 : 0);
}

/** A share of 1 as a percentage. */
export function percent(value, digits = 0) {
  if (value === null || value === undefined) return "–";
  const options = { style: "percent", maximumFractionDigits: digits };
  return keep(`p${digits}`, (tag) => new Intl.NumberFormat(tag, options)).format(value);
}

/** Bytes, in the unit that reads best. */
export function bytes(value) {
  return value < 1024
    ? `${number(value)} B`
    : value < 1048576
      ? `${number(value / 1024, 1)} kB`
      : `${number(value / 1048576, 1)} MB`;
}

/** A span given in seconds: `0.4 s`, `3 min`, `2 h`. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.995) return t("span.ms", { value: number(seconds * 1000) });
  if (seconds < 90) return t("span.s", { value: number(seconds, seconds < 10 ? 1 : 0) });
  if (seconds < 5400) return t("span.min", { value: number(seconds / 60) });
  if (seconds < 129600) return t("span.h", { value: number(seconds / 3600) });
  return t("span.d", { value: number(seconds / 86400) });
}

/** The exact moment, by the locale and the reader's time zone. */
export function exact(date) {
  return keep("exact", (tag) => new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "medium" })).format(
    date,
  );
}

/** Hour and minute, with the day where the span is longer than one. */
export function tick(date, spanSeconds) {
  const options =
    spanSeconds > 129600 ? { month: "short", day: "numeric", hour: "2-digit" } : { hour: "2-digit", minute: "2-digit" };
  return keep(`tick${spanSeconds > 129600}`, (tag) => new Intl.DateTimeFormat(tag, options)).format(date);
}

/** How long ago, in words. */
export function ago(seconds) {
  const format = keep("ago", (tag) => new Intl.RelativeTimeFormat(tag, { numeric: "auto", style: "short" }));
  if (seconds < 1.5) return t("time.now");
  if (seconds < 60) return format.format(-Math.round(seconds), "second");
  if (seconds < 3600) return format.format(-Math.round(seconds / 60), "minute");
  if (seconds < 86400) return format.format(-Math.round(seconds / 3600), "hour");
  return format.format(-Math.round(seconds / 86400), "day");
}

/** The name of a language code, such as `fr`. */
export function languageName(code) {
  try {
    return keep("languages", (tag) => new Intl.DisplayNames(tag, { type: "language" })).of(code) ?? code;
  } catch {
    return code;
  }
}
