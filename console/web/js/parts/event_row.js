// One message in a list. The same nodes are filled again with other messages, so that a fast stream makes no garbage.

import { h } from "../dom.js";
import { languageName, percent, t } from "../i18n.js";
import { badge, family, shownLabel } from "../labels.js";
import { link } from "../router.js";
import { setWhen } from "../time.js";

/** The text of a message, or why there is none. */
export function textOf(event) {
  return event.text ?? t("text.none");
}

/** The address of the message's conversation; its tenant tells it from another's of the same name. */
export function conversationLink(event) {
  return link("conversations", event.conversation_id, { tenant: event.tenant });
}

export class EventRow {
  constructor() {
    this.event = null;
    this.labelled = null;
    this.badge = h("span", { class: "row-badge" });
    this.text = h("bdi", { class: "said row-text", dir: "auto" });
    this.speaker = h("bdi", { class: "named row-speaker", dir: "auto" });
    this.conversation = h("a", { class: "row-conversation" }, h("bdi", { class: "named", dir: "auto" }));
    this.language = h("span", { class: "chip" });
    this.tenant = h("span", { class: "chip" });
    this.meter = h("span", { class: "meter", "aria-hidden": "true" });
    this.confidence = h("span", { class: "number row-confidence" });
    this.corrected = h("span", { class: "chip corrected", hidden: true });
    this.when = h("time", null);
    this.review = h("a", { class: "row-review" });
    const meta = h(
      "div",
      { class: "row-meta soft" },
      this.speaker,
      this.conversation,
      this.language,
      this.tenant,
      this.corrected,
      h("span", { class: "row-sure" }, this.meter, this.confidence),
      this.when,
      this.review,
    );
    this.element = h(
      "li",
      { class: "row", tabindex: "-1" },
      this.badge,
      h("div", { class: "row-body" }, this.text, meta),
    );
  }

  /** Show this event. */
  set(event) {
    this.event = event;
    const label = shownLabel(event);
    if (label !== this.labelled) {
      this.badge.replaceChildren(badge(label));
      this.element.className = `row fam-${family(label)}`;
      this.labelled = label;
    }
    this.element.dataset.event = event.event_id;
    write(this.text, textOf(event));
    this.text.classList.toggle("soft", event.text === null);
    write(this.speaker, event.speaker);
    write(this.conversation.firstChild, event.conversation_id);
    this.conversation.setAttribute("href", conversationLink(event));
    write(this.language, event.language);
    this.language.title = languageName(event.language);
    write(this.tenant, event.tenant);
    const sure = event.confidence === null ? 0 : Math.round(event.confidence * 100);
    this.meter.style.setProperty("--share", `${sure}%`);
    write(this.confidence, event.confidence === null ? "–" : percent(event.confidence));
    this.confidence.title = t("confidence.hint");
    this.corrected.hidden = !event.corrected;
    write(this.corrected, t("corrected"));
    setWhen(this.when, event.sent_at);
    write(this.review, t("live.review"));
    this.review.setAttribute("href", link("review", event.event_id));
    this.review.setAttribute("aria-label", t("live.review.of", { speaker: event.speaker }));
    return this;
  }
}

// A text node that stays, where an assignment to textContent would make a new one each time.
function write(element, text) {
  if (element.firstChild) element.firstChild.data = text;
  else element.append(document.createTextNode(text));
}
