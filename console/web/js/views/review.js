// Review: people say what the emotion is, one key per label; what they say teaches the model.

import { get, post, remove } from "../api.js";
import { h, put } from "../dom.js";
import { label as labelWord, t } from "../i18n.js";
import { agreementSheet, recentSheet } from "../parts/agreement.js";
import { choice, chosen, filterBar, refreshFilters } from "../parts/filters.js";
import { labelKeys, reviewCard } from "../parts/review_card.js";
import { bones, empty, failed, viewHead } from "../parts/states.js";
import { announce, toast, toastError } from "../parts/toast.js";
import { go, link } from "../router.js";
import { session } from "../session.js";

const FILTERS = ["tenant", "language"];
const PAGE = 20;
const LOW = 5;

/** Show Review; with an id, that message comes first. */
export function mount(root, at) {
  const view = new Review(root, at);
  view.begin();
  return { update: (next) => view.update(next), destroy: () => view.destroy(), keys: view.keys() };
}

class Review {
  constructor(root, at) {
    this.params = at.params;
    this.first = at.id;
    this.done = new Map();
    this.undone = [];
    this.filters = h("div", null);
    this.card = h("div", null);
    const side = h("div", { class: "review-side" });
    this.agreement = h("section", { class: "sheet" });
    this.recent = h("section", { class: "sheet" });
    side.append(this.recent, this.agreement);
    put(
      root,
      viewHead(t("nav.review"), t("review.what")),
      session.me.may_label ? null : h("p", { class: "note warn" }, t("review.viewer")),
      this.filters,
      h("div", { class: "review-columns" }, this.card, side),
    );
  }

  keys() {
    const byKey = "1234567890qweryiopdf".split("").map((key) => ({ key, act: () => this.byKey(key) }));
    return [
      { key: "labels", shown: "1 2 3 …", text: t("review.key.label"), act: () => {} },
      { key: "j", text: t("review.key.skip"), act: () => this.move(1) },
      { key: "k", text: t("keys.previous"), act: () => this.move(-1) },
      { key: "u", text: t("review.key.undo"), act: () => this.undo() },
      { key: "c", text: t("review.key.conversation"), act: () => this.openConversation() },
      ...byKey,
    ];
  }

  async begin() {
    this.items = [];
    this.at = 0;
    this.cursor = null;
    this.remaining = 0;
    refreshFilters(
      this.filters,
      filterBar(FILTERS, this.params, choice("labelled", this.params, ["none", "others"], "none")),
    );
    put(this.card, bones(3));
    this.refreshSide();
    try {
      if (this.first) this.items.push(asItem(await get(`/events/${encodeURIComponent(this.first)}`)));
      await this.more();
      if (!this.ended) this.draw();
    } catch (error) {
      put(
        this.card,
        failed(error, () => this.begin()),
      );
    }
  }

  async more() {
    const page = await get("/review", {
      labelled: this.params.labelled,
      ...chosen(FILTERS, this.params),
      cursor: this.cursor,
      limit: PAGE,
    });
    const known = new Set(this.items.map((item) => item.event_id));
    this.items.push(...page.items.filter((item) => !known.has(item.event_id)));
    this.cursor = page.next_cursor;
    this.remaining = page.remaining;
  }

  update(next) {
    this.params = next.params;
    this.first = next.id;
    this.begin();
  }

  draw() {
    const item = this.items[this.at];
    if (!item) {
      put(
        this.card,
        empty(
          "review",
          t(this.done.size ? "review.finished" : "review.empty"),
          t("review.empty.do"),
          h("button", { class: "button", type: "button", on: { click: () => this.begin() } }, t("review.again")),
        ),
      );
      return;
    }
    const left = Math.max(this.remaining - this.done.size, this.items.length - this.at);
    put(
      this.card,
      reviewCard(item, {
        mayLabel: session.me.may_label,
        given: this.done.has(item.event_id) ? this.done.get(item.event_id) : item.my_label,
        left: this.remaining >= 1000 ? t("review.many") : t("review.left", { count: left }),
        choose: (label) => this.give(item, label),
        skip: () => this.move(1),
        back: this.at > 0 ? () => this.move(-1) : null,
        undo: this.undone.length ? () => this.undo() : null,
      }),
    );
  }

  move(step) {
    this.at = Math.min(Math.max(this.at + step, 0), this.items.length);
    this.draw();
    if (this.items.length - this.at < LOW && this.cursor) {
      const empty_ = this.at >= this.items.length;
      this.more().then(() => empty_ && this.draw(), toastError);
    }
  }

  byKey(key) {
    const item = this.items[this.at];
    const found = item && labelKeys(item.taxonomy).find((one) => one.key === key);
    if (found) this.give(item, found.label);
  }

  async give(item, label) {
    if (!session.me.may_label) {
      toast(t("review.viewer.title"), t("review.viewer"), "bad");
      return;
    }
    if (this.giving) return;
    this.giving = true;
    const before = this.done.has(item.event_id) ? this.done.get(item.event_id) : item.my_label;
    try {
      await post("/labels", { event_id: item.event_id, label });
      this.done.set(item.event_id, label);
      this.undone.push({ item, before });
      announce(t("review.given", { label: labelWord(label) }));
      if (this.items[this.at] === item) this.move(1);
      this.refreshSideSoon();
    } catch (error) {
      toastError(error);
    } finally {
      this.giving = false;
    }
  }

  async undo() {
    const last = this.undone.at(-1);
    if (!last || this.giving) return;
    this.giving = true;
    try {
      const { item, before } = last;
      if (before) await post("/labels", { event_id: item.event_id, label: before });
      else await remove(`/labels/${encodeURIComponent(item.event_id)}`);
      this.undone.pop();
      this.done.set(item.event_id, before);
      if (!before) this.done.delete(item.event_id);
      this.at = Math.max(this.items.indexOf(item), 0);
      item.my_label = before;
      toast(t("review.undone"), t("review.undone.text"));
      this.draw();
      this.refreshSideSoon();
    } catch (error) {
      toastError(error);
    } finally {
      this.giving = false;
    }
  }

  openConversation() {
    const item = this.items[this.at];
    if (item) go("conversations", item.conversation_id, { tenant: item.tenant });
  }

  refreshSide() {
    const takeBack = (one) => this.takeBack(one);
    recentSheet(this.recent, takeBack);
    agreementSheet(this.agreement, chosen(["tenant"], this.params));
  }

  async takeBack(one) {
    try {
      await remove(`/labels/${encodeURIComponent(one.event_id)}`);
      this.done.delete(one.event_id);
      this.undone = this.undone.filter(({ item }) => item.event_id !== one.event_id);
      toast(t("review.undone"), t("review.undone.text"), "good", {
        text: t("live.review"),
        act: () => (location.hash = link("review", one.event_id)),
      });
      this.draw();
      this.refreshSideSoon();
    } catch (error) {
      toastError(error);
    }
  }

  // The store shows a label within a second of Kafka having it.
  refreshSideSoon() {
    clearTimeout(this.sideTimer);
    this.sideTimer = setTimeout(() => this.ended || this.refreshSide(), 900);
  }

  destroy() {
    this.ended = true;
    clearTimeout(this.sideTimer);
  }
}

// One event as the queue would give it.
function asItem(event) {
  const why = event.status === "outlier" ? "outlier" : event.flipped ? "flipped" : "asked";
  return { ...event, why, context: [] };
}
