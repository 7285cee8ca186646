// Relative times that go on being true, with the exact moment on hover.

import { h } from "./dom.js";
import { ago, exact } from "./i18n.js";

let offset = 0;

/** The server's clock, where this computer's is wrong. */
export function setServerTime(iso) {
  offset = Date.parse(iso) - Date.now();
}

/** Milliseconds now, by the server's clock. */
export function now() {
  return Date.now() + offset;
}

/** A time element that says how long ago. */
export function when(iso) {
  return setWhen(h("time", null), iso);
}

/** Gives a time element another moment. */
export function setWhen(element, iso) {
  const date = new Date(iso);
  element.dateTime = iso;
  element.title = exact(date);
  element.textContent = ago((now() - date) / 1000);
  return element;
}

/** Keeps all time elements of the page true; call it once. */
export function keepTimes() {
  setInterval(() => {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("time[datetime]")) {
      const text = ago((now() - new Date(element.dateTime)) / 1000);
      if (element.textContent !== text) element.textContent = text;
    }
  }, 5000);
}
