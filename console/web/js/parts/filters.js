// Filters that live in the address: each change goes there, and the view reads it back.

import { h } from "../dom.js";
import { label, languageName, t } from "../i18n.js";
import { setParams } from "../router.js";
import { labelsInUse, session } from "../session.js";

function field(name, control) {
  return h("div", { class: "field" }, h("label", { for: control.id }, t(`filter.${name}`)), control);
}

function select(name, params, choices, all) {
  const value = params[name] ?? "";
  const known = choices.some(([one]) => one === value);
  const list = value && !known ? [...choices, [value, value]] : choices;
  return field(
    name,
    h(
      "select",
      { id: `filter-${name}`, name, on: { change: (event) => setParams({ [name]: event.target.value }) } },
      all && h("option", { value: "" }, all),
      list.map(([one, text]) => h("option", { value: one, selected: one === value }, text)),
    ),
  );
}

function confidence(name, params) {
  const set = (event) => {
    const { target } = event;
    if (!target.checkValidity()) {
      target.reportValidity();
      return;
    }
    setParams({ [name]: target.value === "" ? "" : String(Number(target.value) / 100) });
  };
  const value = params[name] ? Math.round(Number(params[name]) * 100) : "";
  return field(
    name,
    h("input", {
      id: `filter-${name}`,
      type: "number",
      name,
      min: 0,
      max: 100,
      step: 1,
      value,
      inputmode: "numeric",
      on: { change: set },
    }),
  );
}

const MAKERS = {
  label: (params) =>
    select(
      "label",
      params,
      labelsInUse().map((one) => [one, label(one)]),
      t("filter.any"),
    ),
  sentiment: (params) =>
    select(
      "sentiment",
      params,
      ["positive", "neutral", "negative"].map((one) => [one, t(`sentiment.${one}`)]),
      t("filter.any"),
    ),
  language: (params) =>
    select(
      "language",
      params,
      session.languages.map((one) => [one, `${languageName(one)} (${one})`]),
      t("filter.any"),
    ),
  tenant: (params) =>
    session.me.tenant
      ? null
      : select(
          "tenant",
          params,
          session.tenants.map((one) => [one, one]),
          t("filter.any"),
        ),
  status: (params) =>
    select(
      "status",
      params,
      ["labelled", "outlier", "unsupported"].map((one) => [one, t(`status.${one}`)]),
      t("filter.any"),
    ),
  min_confidence: (params) => confidence("min_confidence", params),
  max_confidence: (params) => confidence("max_confidence", params),
};

/** The names of these filters that are set in the address. */
export function chosen(names, params) {
  return Object.fromEntries(names.filter((name) => params[name]).map((name) => [name, params[name]]));
}

/** A row of filters; `extra` stands before them. */
export function filterBar(names, params, ...extra) {
  const set = names.filter((name) => params[name]);
  const clear = () => setParams(Object.fromEntries(names.map((name) => [name, ""])));
  return h(
    "div",
    { class: "filters", role: "group", "aria-label": t("filters") },
    extra,
    names.map((name) => MAKERS[name](params)),
    set.length ? h("button", { class: "button quiet", type: "button", on: { click: clear } }, t("filter.clear")) : null,
  );
}

/** Buttons of which one holds, for a parameter of the address. */
export function choice(name, params, options, fallback) {
  const value = params[name] ?? fallback;
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": t(`choice.${name}`) },
    options.map((one) =>
      h(
        "button",
        {
          class: "button",
          type: "button",
          "aria-pressed": String(one === value),
          on: { click: () => setParams({ [name]: one === fallback ? "" : one }) },
        },
        t(`choice.${name}.${one}`),
      ),
    ),
  );
}

/** A filter bar that is folded away at first where the screen is narrow. */
export function foldedFilters(holder, names, params) {
  const before = holder.querySelector("details");
  const open = before ? before.open : !matchMedia("(max-width: 40rem)").matches;
  const set = Object.keys(chosen(names, params)).length;
  refreshFilters(
    holder,
    h(
      "details",
      { class: "filter-fold", open },
      h("summary", null, set ? t("filters.set", { count: set }) : t("filters")),
      filterBar(names, params),
    ),
  );
}

/** Put a filter bar in place of the one in `holder`, and the focus back to the field that had it. */
export function refreshFilters(holder, bar) {
  const name = holder.contains(document.activeElement) ? document.activeElement.getAttribute("name") : null;
  holder.replaceChildren(bar);
  if (name) holder.querySelector(`[name="${name}"]`)?.focus();
}
