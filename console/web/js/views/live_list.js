// The list of Live: a bounded number of events is kept, fewer are drawn while it runs, and rows are used again.

import { EventRow } from "../parts/event_row.js";

const KEPT = 500;
const DRAWN = 80;
const BETWEEN_MS = 200;

export class LiveList {
  /** `element` takes the rows; `drawn` is called after each change. */
  constructor(element, drawn) {
    this.element = element;
    this.drawn = drawn;
    this.events = [];
    this.waiting = [];
    this.unseen = 0;
    this.rows = [];
    this.spare = [];
    this.paused = false;
    this.frame = 0;
    this.last = 0;
  }

  /** New events, the oldest first. */
  take(events) {
    this.unseen += events.length;
    this.waiting.push(...events);
    if (this.waiting.length > KEPT) this.waiting.splice(0, this.waiting.length - KEPT);
    this.ask();
  }

  /** Events that are shown may have another label now. */
  change(events) {
    const changed = new Map(events.map((event) => [event.event_id, event]));
    for (const list of [this.events, this.waiting]) {
      list.forEach((event, at) => {
        if (changed.has(event.event_id)) list[at] = changed.get(event.event_id);
      });
    }
    for (const row of this.rows) {
      if (changed.has(row.event.event_id)) row.set(changed.get(row.event.event_id));
    }
    this.drawn();
  }

  pause(paused) {
    this.paused = paused;
    if (!paused) this.unseen = this.waiting.length;
    this.draw();
  }

  clear() {
    this.events = [];
    this.waiting = [];
    this.unseen = 0;
    this.trim(0);
    this.drawn();
  }

  ask() {
    if (this.frame || this.paused || document.hidden) {
      if (this.paused) this.drawn();
      return;
    }
    const due = this.last + BETWEEN_MS - performance.now();
    this.frame = due > 0 ? setTimeout(() => this.onFrame(), due) : requestAnimationFrame(() => this.onFrame());
  }

  onFrame() {
    this.frame = 0;
    if (this.paused || document.hidden) return;
    this.draw();
  }

  /** Put what waits on top. While paused, all that is kept can be scrolled through. */
  draw() {
    this.last = performance.now();
    if (!this.paused) {
      const fresh = this.waiting.slice(-DRAWN);
      this.events.push(...this.waiting);
      this.waiting = [];
      this.unseen = 0;
      if (this.events.length > KEPT) this.events.splice(0, this.events.length - KEPT);
      // What falls off the end is used again at the top.
      this.trim(Math.max(0, DRAWN - fresh.length));
      for (const event of fresh) this.prepend(event);
    } else {
      const older = this.events.slice(0, Math.max(0, this.events.length - this.rows.length));
      for (const event of older.reverse()) this.append(event);
    }
    this.drawn();
  }

  prepend(event) {
    const row = (this.spare.pop() ?? new EventRow()).set(event);
    this.rows.unshift(row);
    this.element.prepend(row.element);
  }

  append(event) {
    const row = (this.spare.pop() ?? new EventRow()).set(event);
    this.rows.push(row);
    this.element.append(row.element);
  }

  trim(count) {
    while (this.rows.length > count) {
      const row = this.rows.pop();
      row.element.remove();
      if (this.spare.length < DRAWN) this.spare.push(row);
    }
  }

  /** Move the focus by `step` rows. */
  move(step) {
    const at = this.rows.findIndex((row) => row.element.contains(document.activeElement));
    const next = this.rows[Math.min(Math.max(at + step, 0), this.rows.length - 1)];
    next?.element.focus();
    next?.element.scrollIntoView({ block: "nearest" });
  }

  /** The event of the focused row. */
  focused() {
    return this.rows.find((row) => row.element.contains(document.activeElement))?.event ?? null;
  }
}
