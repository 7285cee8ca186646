// The frame around every view: navigation, how the stream is, language, theme, keys.

import { get } from "./api.js";
import { h } from "./dom.js";
import { language, t, useLanguage } from "./i18n.js";
import { sign } from "./icons.js";
import { showKeys, VIEW_KEYS } from "./keys.js";
import { announce, toastError } from "./parts/toast.js";
import { link } from "./router.js";
import { session, signOut } from "./session.js";
import { nextTheme, theme } from "./theme.js";
import { every } from "./ticker.js";

const VIEWS = Object.values(VIEW_KEYS);

/** The parts of the page; `redraw` draws it all anew, `restart` asks who is there again. */
export function buildShell(redraw, restart) {
  const main = h("main", { id: "main", class: "main", tabindex: "-1" });
  return [h("div", { class: "shell" }, sideBar(), topBar(redraw, restart), main)];
}

function sideBar() {
  const entry = (view) =>
    h(
      "li",
      null,
      h(
        "a",
        { href: link(view), data: { view } },
        sign(view),
        h("span", { class: "long" }, t(`nav.${view}`)),
        h("span", { class: "short" }, t(`nav.${view}.short`)),
      ),
    );
  return h(
    "div",
    { class: "side" },
    h("div", { class: "brand" }, h("img", { src: "icon.svg", alt: "" }), "Sentistream"),
    h("nav", { class: "nav", "aria-label": t("nav") }, h("ul", null, VIEWS.map(entry))),
    h("p", { class: "side-foot" }, t("keys.hint.before"), h("kbd", null, "?"), t("keys.hint.after")),
  );
}

function topBar(redraw, restart) {
  const { me } = session;
  const toOther = language() === "en" ? "zh" : "en";
  const languageButton = h(
    "button",
    {
      class: "button quiet",
      type: "button",
      lang: toOther === "zh" ? "zh-CN" : "en",
      on: { click: () => (useLanguage(toOther), redraw()) },
    },
    toOther === "zh" ? "中文" : "English",
  );
  return h(
    "header",
    { class: "top" },
    streamPill(restart),
    h("span", { class: "spacer" }),
    h(
      "span",
      { class: "who", title: t(`role.${me.role}.may`) },
      h("bdi", null, me.name),
      ` · ${t(`role.${me.role}`)}`,
      me.tenant && ` · ${me.tenant}`,
    ),
    languageButton,
    themeButton(),
    iconButton("keys", t("keys.title"), showKeys),
    iconButton("away", t("signout"), () => signOut().then(restart, toastError)),
  );
}

function iconButton(icon, name, act) {
  return h(
    "button",
    { class: "button quiet icon", type: "button", "aria-label": name, title: name, on: { click: act } },
    sign(icon),
  );
}

function themeButton() {
  const button = iconButton("theme", "", () => {
    nextTheme();
    say();
    announce(button.title);
  });
  const say = () => {
    button.title = t(`theme.${theme()}`);
    button.setAttribute("aria-label", button.title);
  };
  say();
  return button;
}

const PILL = { ok: "ok", behind: "degraded", down: "down", unknown: "plain" };

function streamPill(restart) {
  const pill = h("a", { class: "pill plain", href: link("health"), id: "stream-state" }, t("health.checking"));
  const show = (state, title) => {
    pill.className = `pill ${PILL[state]}`;
    pill.textContent = t(`health.state.${state}`);
    pill.title = title;
  };
  every(10000, pill, async () => {
    try {
      const health = await get("/health");
      show(health.state, language() === "en" ? health.text : t(`health.state.${health.state}`));
    } catch (error) {
      if (error.status === 401) restart();
      else show("down", error.message);
    }
  });
  return pill;
}

/** Mark the view that is shown in the navigation. */
export function markView(view) {
  for (const entry of document.querySelectorAll(".nav a")) {
    if (entry.dataset.view === view) entry.setAttribute("aria-current", "page");
    else entry.removeAttribute("aria-current");
  }
}
