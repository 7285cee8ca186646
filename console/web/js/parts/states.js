// What a section shows before, instead of, and around its data.

import { ApiError } from "../api.js";
import { inTheOriginal } from "../api_words.js";
import { h, put } from "../dom.js";
import { t } from "../i18n.js";
import { sign } from "../icons.js";

/** Grey bars while something loads. */
export function bones(count = 4) {
  return h(
    "div",
    { class: "bones", role: "status", "aria-label": t("loading") },
    Array.from({ length: count }, () => h("div", { class: "bone" })),
  );
}

/** Nothing there, and what to do next. */
export function empty(icon, title, text, action = null) {
  return h("div", { class: "empty" }, sign(icon), h("h2", null, title), h("p", null, text), action);
}

/** It went wrong: what to do, and a way to try again. */
export function failed(error, again) {
  const text = error instanceof ApiError ? error.message : t("error.page.do");
  return h(
    "div",
    { class: "empty wrong", role: "alert" },
    sign("health"),
    h("h2", null, error.title ?? t("error.page")),
    h("p", null, text),
    inTheOriginal(error.original),
    again && h("button", { class: "button", type: "button", on: { click: again } }, t("retry")),
  );
}

/**
 * Fill a section: bones, then what `show` makes of the data, or the error with a button.
 * Errors that are no answer of the API go on to the console: they are mistakes of this page.
 */
export async function load(section, fetcher, show, { quietly = false } = {}) {
  if (!quietly) put(section, bones());
  section.setAttribute("aria-busy", "true");
  try {
    const data = await fetcher();
    put(section, show(data));
  } catch (error) {
    if (error.name === "AbortError") return;
    put(
      section,
      failed(error, () => load(section, fetcher, show)),
    );
    if (!(error instanceof ApiError)) throw error;
  } finally {
    section.removeAttribute("aria-busy");
  }
}

/** Title, one line of explanation, and what can be done. */
export function viewHead(title, text, ...actions) {
  return h(
    "header",
    { class: "view-head" },
    h("div", null, h("h1", null, title), h("p", null, text)),
    actions.length ? h("div", { class: "view-actions" }, actions) : null,
  );
}

/** A name and its figure; a unit that is a node stands below. */
export function figure(name, value, unit = "", hint = null) {
  return h(
    "div",
    { class: "figure", title: hint },
    h("dt", null, name),
    h("dd", null, value, unit instanceof Node ? unit : unit && h("small", null, ` ${unit}`)),
  );
}
