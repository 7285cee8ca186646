// Dead letters: records that got no event, why, and a way to send them back.

import { get, post } from "../api.js";
import { apiWords, inTheOriginal } from "../api_words.js";
import { h, put } from "../dom.js";
import { bytes, language, number, t } from "../i18n.js";
import { session } from "../session.js";
import { when } from "../time.js";
import { tableOf } from "./chart.js";
import { confirm } from "./dialog.js";
import { moreButton } from "./pages.js";
import { load } from "./states.js";
import { toast, toastError } from "./toast.js";

const PAGE = 20;

/** Fill the section; `refresh` draws it again after a replay. */
export function deadLetters(section, refresh) {
  if (session.me.tenant) {
    put(section, h("h2", null, t("letters")), h("p", { class: "soft" }, t("letters.tenant")));
    return Promise.resolve();
  }
  return load(
    section,
    () => get("/dead-letters", { limit: PAGE }),
    (page) => sheet(page, refresh),
    { quietly: section.hasChildNodes() },
  );
}

function sheet(page, refresh) {
  const head = [h("h2", null, t("letters")), h("p", { class: "soft" }, t("letters.hint"))];
  if (!page.counts.length) return [...head, h("p", null, t("letters.none"))];
  const may = session.me.may_replay;
  const byReason = page.counts.map((one) => [
    h("span", { title: t(`reason.${one.reason}.hint`) }, t(`reason.${one.reason}`)),
    number(one.count),
    when(one.last_at),
    may
      ? h(
          "button",
          { class: "button", type: "button", on: { click: () => replay({ reason: one.reason }, refresh) } },
          t("replay.all"),
        )
      : "",
  ]);
  const body = h(
    "ol",
    { class: "letters" },
    page.letters.map((one) => letter(one, refresh)),
  );
  return [
    ...head,
    may ? null : h("p", { class: "note" }, t("replay.viewer")),
    tableOf({
      head: [t("reason.head"), t("count"), t("last"), ""],
      rows: byReason,
      numeric: [1],
      caption: t("letters"),
    }),
    h(
      "details",
      null,
      h("summary", null, t("letters.each")),
      body,
      moreButton(body, page.next_cursor, async (cursor) => more(cursor, refresh)),
    ),
  ];
}

async function more(cursor, refresh) {
  const page = await get("/dead-letters", { limit: PAGE, cursor });
  return { nodes: page.letters.map((one) => letter(one, refresh)), cursor: page.next_cursor };
}

function letter(one, refresh) {
  return h(
    "li",
    null,
    h(
      "div",
      null,
      h("span", { class: "chip warn" }, t(`reason.${one.reason}`)),
      " ",
      h("code", null, one.place),
      one.replayed ? [" ", h("span", { class: "chip" }, t("replayed.before"))] : null,
    ),
    language() === "en"
      ? h("p", { class: "named" }, one.detail)
      : [h("p", null, t(`reason.${one.reason}.hint`)), inTheOriginal(one.detail)],
    h(
      "p",
      { class: "soft" },
      h("span", { class: "named" }, `${one.topic} ${one.partition}:${one.offset}`),
      ` · ${bytes(one.bytes)} · `,
      when(one.failed_at),
    ),
    session.me.may_replay
      ? h(
          "button",
          {
            class: "button",
            type: "button",
            on: { click: () => replay({ places: [one.place], again: one.replayed }, refresh) },
          },
          t("replay"),
        )
      : null,
  );
}

// First only asked what would be done, so that nobody is surprised.
async function replay(order, refresh) {
  try {
    const plan = await post("/dead-letters/replay", { ...order, dry_run: true });
    const would = plan.counts.replay ?? 0;
    if (!would) {
      const [first] = plan.attempts;
      const why = first && apiWords(`outcome.${first.outcome}`, {}, first.detail);
      toast(t("replay.nothing"), why || t("replay.nothing.text"), "bad");
      return;
    }
    const kept = plan.attempts.length - would;
    const text = [
      h("p", null, t("replay.would", { count: would })),
      kept ? h("p", { class: "soft" }, t("replay.kept", { count: kept })) : null,
    ];
    if (!(await confirm(t("replay.ask"), text, t("replay")))) return;
    const done = await post("/dead-letters/replay", order);
    toast(t("replayed"), t("replayed.text", { count: done.counts.replay ?? 0 }));
    refresh();
  } catch (error) {
    toastError(error);
  }
}
