// A dialog that traps the focus, closes by Esc, and gives the focus back: the browser's own.

import { h } from "../dom.js";
import { t } from "../i18n.js";

/** Show content under a title; `actions` are buttons that stand before "close". */
export function openDialog(title, content, actions = []) {
  const close = h("button", { class: "button", type: "button", on: { click: () => dialog.close() } }, t("close"));
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title", on: { close: () => dialog.remove() } },
    h("h2", { id: "dialog-title" }, title),
    content,
    h("div", { class: "dialog-actions" }, close, actions),
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask before something that others will feel; resolves to what was typed as the reason, or null. */
export function confirmWithReason(title, text, doIt, danger = false) {
  return new Promise((resolve) => {
    let answer = null;
    const reason = h("input", { id: "reason", maxlength: "500", required: true, autocomplete: "off" });
    const form = h(
      "form",
      {
        method: "dialog",
        id: "reason-form",
        on: {
          submit: () => {
            answer = reason.value.trim() || null;
          },
        },
      },
      h("p", null, text),
      h("label", { class: "field", for: "reason" }, t("reason"), reason),
    );
    const yes = h(
      "button",
      { class: `button ${danger ? "danger" : "main-one"}`, type: "submit", form: "reason-form" },
      doIt,
    );
    const dialog = openDialog(title, form, [yes]);
    reason.focus();
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/** Ask yes or no. */
export function confirm(title, content, doIt) {
  return new Promise((resolve) => {
    const yes = h("button", { class: "button main-one", type: "button" }, doIt);
    const dialog = openDialog(title, content, [yes]);
    yes.addEventListener("click", () => {
      resolve(true);
      dialog.close();
    });
    dialog.addEventListener("close", () => resolve(false));
  });
}
