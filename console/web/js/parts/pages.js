// Lists that come in pages: "show more" asks for the next one.

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { toastError } from "./toast.js";

/** A button that appends the next page; `next(cursor)` answers `{nodes, cursor}`. */
export function moreButton(list, cursor, next) {
  if (!cursor) return null;
  let at = cursor;
  const button = h("button", { class: "button", type: "button" }, t("more"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const page = await next(at);
      list.append(...page.nodes);
      at = page.cursor;
      page.nodes[0]?.querySelector("a, button")?.focus();
    } catch (error) {
      toastError(error);
    }
    button.disabled = false;
    if (!at) button.remove();
  });
  return h("p", { class: "more" }, button);
}
