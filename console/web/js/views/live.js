// Live: messages with their emotion as they come.

import { h, put } from "../dom.js";
import { number, percent, rate, span, t } from "../i18n.js";
import { sign } from "../icons.js";
import { shownLabel } from "../labels.js";
import { conversationLink } from "../parts/event_row.js";
import { chosen, foldedFilters } from "../parts/filters.js";
import { labelMix } from "../parts/label_mix.js";
import { empty, figure, viewHead } from "../parts/states.js";
import { announce } from "../parts/toast.js";
import { link, setParams } from "../router.js";
import { EventStream } from "../stream.js";
import { setServerTime } from "../time.js";
import { LiveList } from "./live_list.js";

const FILTERS = ["label", "sentiment", "language", "tenant", "status", "min_confidence", "max_confidence"];
const BACKLOG = 80;
const HIDDEN_MS = 30000;
const SUMMARY_MS = 500;

/** Show Live. */
export function mount(root, at) {
  const view = new Live(root, at.params);
  return {
    update: (next) => view.update(next.params),
    destroy: () => view.destroy(),
    keys: [
      { key: " ", text: t("live.key.pause"), act: () => view.pause(!view.list.paused) },
      { key: "j", text: t("keys.next"), act: () => view.move(1) },
      { key: "k", text: t("keys.previous"), act: () => view.move(-1) },
      { key: "Enter", text: t("live.key.open"), act: () => view.open() },
      { key: "e", text: t("live.key.review"), act: () => view.review() },
    ],
  };
}

class Live {
  constructor(root, params) {
    this.params = params;
    this.pulse = null;
    this.state = "opening";
    this.summaryAt = 0;
    this.summaryTimer = null;
    this.mixOf = "";
    this.pauseButton = h("button", {
      class: "button",
      type: "button",
      "aria-pressed": "false",
      on: { click: () => this.pause(!this.list.paused) },
    });
    this.filters = h("div", null);
    this.figures = h("dl", { class: "figures" });
    this.mix = h("section", { class: "sheet", "aria-label": t("live.mix") });
    this.note = h("div", { class: "live-note", role: "status" });
    this.rows = h("ol", { class: "rows", "aria-label": t("live.list") });
    this.nothing = h("div", null);
    this.list = new LiveList(this.rows, () => this.summarise());
    put(
      root,
      viewHead(t("nav.live"), t("live.what"), this.pauseButton),
      this.figures,
      this.mix,
      this.filters,
      this.note,
      this.nothing,
      this.rows,
    );
    foldedFilters(this.filters, FILTERS, params);
    this.onHidden = () => this.followVisibility();
    document.addEventListener("visibilitychange", this.onHidden);
    this.sayPause();
    this.connect();
    this.summarise(true);
  }

  connect() {
    this.stream?.close();
    this.list.clear();
    this.stream = new EventStream(
      { ...chosen(FILTERS, this.params), backlog: BACKLOG },
      {
        events: ({ events }) => this.list.take(events),
        changes: ({ events }) => this.list.change(events),
        pulse: (pulse) => {
          this.pulse = pulse;
          setServerTime(pulse.server_time);
          this.summarise(true);
        },
        reset: () => this.connect(),
        state: (state) => {
          this.state = state;
          this.summarise(true);
        },
      },
    );
  }

  update(params) {
    this.params = params;
    foldedFilters(this.filters, FILTERS, params);
    this.connect();
  }

  pause(paused) {
    this.list.pause(paused);
    if (!paused && this.stream.source === null) this.connect();
    this.sayPause();
    announce(t(paused ? "live.paused" : "live.running"));
  }

  sayPause() {
    const { paused, unseen } = this.list;
    const text = paused ? (unseen ? t("live.resume.new", { count: unseen }) : t("live.resume")) : t("live.pause");
    if (this.pauseButton.textContent !== text) put(this.pauseButton, sign(paused ? "play" : "pause"), text);
    this.pauseButton.setAttribute("aria-pressed", String(paused));
  }

  move(step) {
    if (!this.list.paused) this.pause(true);
    this.list.move(step);
  }

  open() {
    const event = this.list.focused();
    if (event) location.hash = conversationLink(event);
  }

  review() {
    const event = this.list.focused();
    if (event) location.hash = link("review", event.event_id);
  }

  // Figures change twice a second at most, however fast events come.
  summarise(atOnce = false) {
    this.sayPause();
    const { events } = this.list;
    const wait = this.summaryAt + SUMMARY_MS - performance.now();
    if (!atOnce && events.length && wait > 0) {
      // What comes last must not be left out: nothing may come after it.
      this.summaryTimer ??= setTimeout(() => this.summarise(true), wait);
      return;
    }
    clearTimeout(this.summaryTimer);
    this.summaryTimer = null;
    this.summaryAt = performance.now();
    const latencies = events.map((event) => event.latency_ms).sort((one, two) => one - two);
    const labelled = events.filter((event) => event.sentiment);
    const negative = labelled.filter((event) => event.sentiment === "negative").length / (labelled.length || 1);
    put(
      this.figures,
      figure(t("live.rate"), this.pulse ? rate(this.pulse.per_second) : "–", t("per.second"), t("live.rate.hint")),
      figure(t("live.total"), this.pulse ? number(this.pulse.total) : "–", "", t("live.total.hint")),
      figure(
        t("live.latency"),
        latencies.length ? span(latencies[latencies.length >> 1] / 1000) : "–",
        "",
        t("live.latency.hint"),
      ),
      figure(t("live.negative"), labelled.length ? percent(negative) : "–", "", t("live.negative.hint")),
    );
    this.showMix(events);
    this.showState(events);
  }

  showMix(events) {
    const counts = {};
    for (const event of events) counts[shownLabel(event)] = (counts[shownLabel(event)] ?? 0) + 1;
    const mixOf = JSON.stringify([counts, this.params.label]);
    if (mixOf === this.mixOf) return;
    this.mixOf = mixOf;
    const focused = this.mix.contains(document.activeElement) ? document.activeElement.dataset.label : null;
    const pick = (label) => setParams({ label: label === this.params.label ? "" : label });
    put(
      this.mix,
      h("h2", null, t("live.mix.of", { count: events.length })),
      labelMix(counts, { pick, chosen: this.params.label }),
    );
    if (focused) this.mix.querySelector(`[data-label="${CSS.escape(focused)}"]`)?.focus();
  }

  showState(events) {
    const note = this.state === "waiting" ? "live.lost" : "";
    if (this.note.dataset.says !== note) {
      this.note.dataset.says = note;
      put(this.note, note ? h("p", { class: "note bad" }, t(note)) : null);
    }
    const filtered = Object.keys(chosen(FILTERS, this.params)).length > 0;
    const nothing = events.length || this.list.waiting.length || this.state !== "open" ? "" : filtered ? "filtered" : "empty";
    if (this.nothing.dataset.says === nothing) return;
    this.nothing.dataset.says = nothing;
    put(
      this.nothing,
      nothing
        ? empty(
            "live",
            t(`live.${nothing}`),
            t(`live.${nothing}.do`),
            nothing === "empty" ? h("code", null, "sentistream chat") : null,
          )
        : null,
    );
  }

  // Nobody looks: nothing is drawn, and after a while nothing is asked for either.
  followVisibility() {
    clearTimeout(this.hiddenTimer);
    if (document.hidden) {
      this.hiddenTimer = setTimeout(() => {
        this.stream.close();
        this.stream.source = null;
      }, HIDDEN_MS);
    } else if (this.stream.source === null && !this.list.paused) {
      this.connect();
    } else {
      this.list.ask();
    }
  }

  destroy() {
    clearTimeout(this.hiddenTimer);
    document.removeEventListener("visibilitychange", this.onHidden);
    this.stream.close();
    this.list.clear();
    clearTimeout(this.summaryTimer);
  }
}
