// Light, dark, or as the system has it.

import { remember } from "./memory.js";

const ORDER = ["auto", "light", "dark"];

/** `auto`, `light` or `dark`. */
export function theme() {
  return document.documentElement.dataset.theme ?? "auto";
}

/** Go to the next one, keep it, and tell whoever draws (`themechange` on window). */
export function nextTheme() {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  remember("theme", next === "auto" ? null : next);
  dispatchEvent(new Event("themechange"));
}

/** Tell when the system changes its mind; call it once. */
export function watchSystemTheme() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
}
