// A conversation: how it went, turn by turn, and what the model's two roles said of each.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { percent, t } from "../i18n.js";
import { failed, figure, load, viewHead } from "../parts/states.js";
import { toastError } from "../parts/toast.js";
import { turnItem } from "../parts/turn.js";
import { valenceChart } from "../parts/valence.js";
import { link } from "../router.js";
import { EventStream } from "../stream.js";

/** Show one conversation. */
export function mount(root, at) {
  const view = new Conversation(root, at);
  view.start();
  return {
    destroy: () => view.destroy(),
    keys: [
      { key: "j", text: t("keys.next"), act: () => view.step(1) },
      { key: "k", text: t("keys.previous"), act: () => view.step(-1) },
      { key: "o", text: t("conversation.key.details"), act: () => view.toggle() },
      { key: "b", text: t("conversation.back"), act: () => history.back() },
    ],
  };
}

class Conversation {
  constructor(root, at) {
    this.id = at.id;
    this.params = { tenant: at.params.tenant };
    this.turns = [];
    this.items = new Map();
    this.cursor = null;
    this.drawnChart = "";
    const back = h("a", { class: "button", href: link("conversations") }, t("conversation.back"));
    const head = viewHead(h("bdi", { class: "named", dir: "auto" }, this.id), t("conversation.what"), back);
    this.body = h("div", { class: "view" });
    put(root, head, this.body);
  }

  ask(cursor = null) {
    return get(`/conversations/${encodeURIComponent(this.id)}`, { ...this.params, cursor, limit: 100 });
  }

  async start() {
    await load(
      this.body,
      () => this.ask(),
      (detail) => this.show(detail),
    );
    if (!this.turns.length || this.ended) return;
    const again = () => this.refreshSoon();
    const quiet = () => {};
    this.stream = new EventStream(
      { conversation_id: this.id, ...this.params },
      { events: again, changes: again, reset: again, pulse: quiet, state: quiet },
    );
  }

  show(detail) {
    this.figures = h("dl", { class: "figures" });
    this.chart = h("section", { class: "sheet" });
    this.list = h("ol", { class: "turns", "aria-label": t("turns.list") });
    this.older = h("p", { class: "more" });
    this.take(detail);
    return [this.figures, this.chart, this.older, this.list];
  }

  /** The newest turns, and those before them that were shown already. */
  take({ conversation, turns, next_cursor: cursor }) {
    const known = new Set(turns.map((turn) => turn.event_id));
    const before = this.turns.filter((turn) => !known.has(turn.event_id));
    if (!before.length) this.cursor = cursor;
    this.turns = [...before, ...turns];
    this.sayFigures(conversation);
    this.drawTurns();
    this.drawChart();
    put(
      this.older,
      this.cursor &&
        h("button", { class: "button", type: "button", on: { click: () => this.loadOlder() } }, t("turns.older")),
    );
  }

  sayFigures(one) {
    put(
      this.figures,
      figure(t("turns.head"), one.turns),
      figure(t("negative.share"), percent(one.negative_share), "", t("negative.hint")),
      figure(
        t(one.rising < 0 ? "calming.figure" : "rising.figure"),
        percent(Math.abs(one.rising)),
        "",
        t("rising.hint"),
      ),
      figure(t("outliers.head"), one.outliers, "", t("status.outlier.hint")),
      figure(t("flips.head"), one.flips, "", t("flips.hint")),
    );
  }

  drawTurns() {
    const speakers = [...new Set(this.turns.map((turn) => turn.speaker))];
    let previous = null;
    for (const turn of this.turns) {
      const seen = JSON.stringify(turn);
      let item = this.items.get(turn.event_id);
      if (item?.seen !== seen) {
        const element = turnItem(turn, speakers.indexOf(turn.speaker) % 2 === 1);
        if (item) {
          element.querySelector("details").open = item.element.querySelector("details").open;
          item.element.replaceWith(element);
        }
        item = { seen, element };
        this.items.set(turn.event_id, item);
      }
      const expected = previous ? previous.nextSibling : this.list.firstChild;
      if (expected !== item.element) this.list.insertBefore(item.element, expected);
      previous = item.element;
    }
  }

  drawChart() {
    const drawn = JSON.stringify(this.turns.map((turn) => [turn.event_id, turn.label, turn.valence]));
    if (drawn === this.drawnChart) return;
    this.drawnChart = drawn;
    put(
      this.chart,
      h("h2", null, t("valence.title")),
      h("p", { class: "soft" }, t("valence.what")),
      valenceChart(this.turns, (turn) => this.reveal(turn)),
    );
  }

  reveal(turn) {
    const element = this.items.get(turn.event_id)?.element;
    element?.scrollIntoView({ block: "center", behavior: "smooth" });
    element?.focus({ preventScroll: true });
  }

  async loadOlder() {
    try {
      const page = await this.ask(this.cursor);
      this.cursor = page.next_cursor;
      const known = new Set(this.turns.map((turn) => turn.event_id));
      this.turns = [...page.turns.filter((turn) => !known.has(turn.event_id)), ...this.turns];
      this.drawTurns();
      this.drawChart();
      if (!this.cursor) put(this.older);
    } catch (error) {
      toastError(error);
    }
  }

  refreshSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      try {
        this.take(await this.ask());
      } catch (error) {
        if (error.status === 404) put(this.body, failed(error, null));
      }
    }, 300);
  }

  step(by) {
    const items = [...this.list.children];
    const at = items.findIndex((item) => item.contains(document.activeElement));
    const next = items[Math.min(Math.max(at + by, 0), items.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  toggle() {
    const details = document.activeElement?.closest(".turn")?.querySelector("details");
    if (details) details.open = !details.open;
  }

  destroy() {
    this.ended = true;
    clearTimeout(this.timer);
    this.stream?.close();
  }
}
