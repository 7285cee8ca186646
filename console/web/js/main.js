// Starts the page: who is there, the frame, and the view that the address names.

import { put } from "./dom.js";
import { t } from "./i18n.js";
import { listenForKeys } from "./keys.js";
import { toastError } from "./parts/toast.js";
import { go, route } from "./router.js";
import { whoAmI } from "./session.js";
import { buildShell, markView } from "./shell.js";
import { showSignIn } from "./sign_in.js";
import { watchSystemTheme } from "./theme.js";
import { keepTimes } from "./time.js";
import { failed } from "./parts/states.js";
import { mountView, unmountView, updateView } from "./views/all.js";

const app = document.getElementById("app");
let shown = null;

/** Draw everything anew: at the start, after signing in, in another language. */
function draw() {
  shown = null;
  unmountView();
  nameFixedParts();
  put(app, ...buildShell(draw, start));
  follow({ first: true });
}

// What stands in the page itself.
function nameFixedParts() {
  document.getElementById("skip").textContent = t("skip");
  document.getElementById("toasts").setAttribute("aria-label", t("messages"));
}

/** Show what the address names; the same view with other filters is told, not made anew. */
function follow({ first = false } = {}) {
  if (!document.getElementById("main")) return;
  const at = route();
  const name = `${at.view}/${at.id ?? ""}`;
  if (name === shown) {
    updateView(at);
    return;
  }
  const main = document.getElementById("main");
  if (!mountView(main, at)) {
    go("live");
    return;
  }
  shown = name;
  markView(at.view);
  document.title = `${t(`nav.${at.view}`)} · Sentistream`;
  if (first) return;
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

async function start() {
  unmountView();
  nameFixedParts();
  try {
    await whoAmI();
    draw();
  } catch (error) {
    if (error.status === 401 || error.status === 403) showSignIn(app, start);
    else put(app, failed(error, start));
    if (error.status === undefined) throw error;
  }
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main")?.focus();
});
addEventListener("hashchange", () => follow());
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.status !== undefined) {
    event.preventDefault();
    toastError(event.reason);
  }
});
addEventListener("signedout", start);
listenForKeys();
watchSystemTheme();
keepTimes();
start();
