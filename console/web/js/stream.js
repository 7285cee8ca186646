// The server-sent stream of events. EventSource resumes after a lost connection by itself; where it gives up (an error
// answer instead of a stream), it is opened again with growing pauses.

import { address } from "./api.js";

const LONGEST_MS = 15000;

/** Opens the stream; `on` has `events`, `changes`, `pulse`, `reset` and `state` (`open`, `waiting`). */
export class EventStream {
  constructor(params, on) {
    this.params = params;
    this.on = on;
    this.pause = 500;
    this.source = null;
    this.timer = null;
    this.open();
  }

  open() {
    this.source = new EventSource(address("/events/stream", this.params));
    this.source.addEventListener("open", () => {
      this.pause = 500;
      this.on.state("open");
    });
    this.source.addEventListener("error", () => {
      this.on.state("waiting");
      if (this.source?.readyState === EventSource.CLOSED) this.openLater();
    });
    for (const kind of ["events", "changes", "pulse"]) {
      this.source.addEventListener(kind, (message) => this.on[kind](JSON.parse(message.data)));
    }
    this.source.addEventListener("reset", () => this.on.reset());
  }

  openLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_MS);
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }
}
