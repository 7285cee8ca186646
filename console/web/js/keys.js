// Keys: `g` and a letter switch views, others belong to the view that is shown; `?` lists them all.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { openDialog } from "./parts/dialog.js";
import { go } from "./router.js";

export const VIEW_KEYS = {
  l: "live",
  c: "conversations",
  t: "trends",
  r: "review",
  a: "alerts",
  m: "model",
  h: "health",
};
const CHORD_MS = 1500;

let ofView = [];
let chordUntil = 0;

/** The keys of the view that is shown: `[{key, text, act}]`; `shown` is what the list says instead of the key. */
export function setViewKeys(keys) {
  ofView = keys;
}

function typing(target) {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName))
  );
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (chordUntil > performance.now()) {
    chordUntil = 0;
    const view = VIEW_KEYS[event.key.toLowerCase()];
    if (view) {
      event.preventDefault();
      go(view);
      return;
    }
  }
  if (event.key === "g") {
    chordUntil = performance.now() + CHORD_MS;
    return;
  }
  if (event.key === "?") {
    event.preventDefault();
    showKeys();
    return;
  }
  const found = ofView.find((one) => one.key === event.key);
  // A focused button or link takes space itself.
  if (!found || (event.key === " " && event.target.closest?.("button, a, summary"))) return;
  event.preventDefault();
  found.act(event);
}

/** Listen; call it once. */
export function listenForKeys() {
  addEventListener("keydown", onKey);
}

/** The list of keys. */
export function showKeys() {
  const rows = [
    ...Object.entries(VIEW_KEYS).map(([key, view]) => [["g", key], t("keys.go", { view: t(`nav.${view}`) })]),
    [["?"], t("keys.help")],
    [["Esc"], t("keys.close")],
  ];
  const own = ofView.filter((one) => one.text).map((one) => [[one.shown ?? one.key], one.text]);
  const list = (entries) =>
    h(
      "div",
      { class: "keys-list" },
      entries.map(([keys, text]) => [
        h(
          "span",
          null,
          keys.map((key) => h("kbd", null, key === " " ? t("keys.space") : key)),
        ),
        h("span", null, text),
      ]),
    );
  openDialog(t("keys.title"), [
    own.length ? [h("h3", null, t("keys.here")), list(own)] : null,
    h("h3", null, t("keys.everywhere")),
    list(rows),
  ]);
}
