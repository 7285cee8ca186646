// Short messages in the corner: what happened, and what to do.

import { inTheOriginal } from "../api_words.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";

const MOST = 4;

/** Show one; errors stay until they are closed. `action` is `{text, act}`. */
export function toast(title, text = "", kind = "good", action = null) {
  const box = document.getElementById("toasts");
  const gone = () => item.remove();
  const item = h(
    "div",
    { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" },
    h("div", null, h("strong", null, title), text),
    action &&
      h("button", { class: "button", type: "button", on: { click: () => (gone(), action.act()) } }, action.text),
    h("button", { class: "button quiet icon", type: "button", "aria-label": t("close"), on: { click: gone } }, "×"),
  );
  box.append(item);
  while (box.children.length > MOST) box.firstElementChild.remove();
  if (kind !== "bad") setTimeout(gone, 6000);
}

/** Show what the API said. */
export function toastError(error) {
  if (error.name === "AbortError") return;
  toast(error.title ?? t("error.page"), [error.message, inTheOriginal(error.original)], "bad");
}

/** Say something to screen readers alone. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
