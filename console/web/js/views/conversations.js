// Conversations: the latest, or those that turn worse the fastest.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { t } from "../i18n.js";
import { conversationRow } from "../parts/conversation_row.js";
import { choice, chosen, filterBar, refreshFilters } from "../parts/filters.js";
import { moreButton } from "../parts/pages.js";
import { empty, load, viewHead } from "../parts/states.js";
import { go } from "../router.js";
import { every } from "../ticker.js";

const FILTERS = ["tenant", "language"];

/** Show the list of conversations. */
export function mount(root, at) {
  let { params } = at;
  let first = null;
  const filters = h("div", null);
  const list = h("div", null);
  put(root, viewHead(t("nav.conversations"), t("conversations.what"), findForm()), filters, list);

  const ask = (cursor) =>
    get("/conversations", { sort: params.sort ?? "recent", ...chosen(FILTERS, params), cursor, limit: 50 });

  const show = (page) => {
    first = JSON.stringify(page);
    if (!page.conversations.length)
      return empty(
        "conversations",
        t("conversations.empty"),
        t("conversations.empty.do"),
        h("code", null, "sentistream chat"),
      );
    const rows = h("ol", { class: "talks" }, page.conversations.map(conversationRow));
    const more = moreButton(rows, page.next_cursor, async (cursor) => {
      const next = await ask(cursor);
      return { nodes: next.conversations.map(conversationRow), cursor: next.next_cursor };
    });
    return [rows, more];
  };
  const refresh = (options) => load(list, () => ask(), show, options);
  const bar = () =>
    refreshFilters(filters, filterBar(FILTERS, params, choice("sort", params, ["recent", "rising"], "recent")));
  bar();
  refresh();

  // What is read stays where it is: the list is drawn again only at its top, with no page added, and when it changed.
  every(5000, root, async () => {
    if (!first || scrollY > 50 || list.querySelectorAll(".talk").length > 50 || list.contains(document.activeElement))
      return;
    const page = await ask().catch(() => null);
    if (page && JSON.stringify(page) !== first) put(list, show(page));
  });

  return {
    update: (next) => {
      ({ params } = next);
      bar();
      refresh();
    },
    keys: [
      { key: "j", text: t("keys.next"), act: () => step(list, 1) },
      { key: "k", text: t("keys.previous"), act: () => step(list, -1) },
      { key: "/", text: t("conversations.find.key"), act: () => document.getElementById("find").focus() },
    ],
  };
}

function step(list, by) {
  const links = [...list.querySelectorAll(".talk-name")];
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}

function findForm() {
  const field = h("input", { id: "find", type: "search", required: true, maxlength: "256", autocomplete: "off" });
  const submit = (event) => {
    event.preventDefault();
    go("conversations", field.value.trim());
  };
  return h(
    "form",
    { class: "filters", role: "search", on: { submit } },
    h("label", { class: "field", for: "find" }, t("conversations.find"), field),
    h("button", { class: "button", type: "submit" }, t("open")),
  );
}
