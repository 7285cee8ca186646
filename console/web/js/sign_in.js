// Where nobody is signed in: a token opens the console.

import { h, put } from "./dom.js";
import { language, t, useLanguage } from "./i18n.js";
import { signIn } from "./session.js";

/** Ask for a token. */
export function showSignIn(app, restart) {
  const problem = h("p", { class: "note bad", role: "alert", hidden: true });
  const field = h("input", { id: "token", type: "password", required: true, autocomplete: "off", maxlength: "200" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await signIn(field.value.trim());
      await restart();
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error.message;
      field.focus();
    }
  };
  const other = language() === "en" ? "zh" : "en";
  put(
    app,
    h(
      "main",
      { class: "sign-in sheet", id: "main", tabindex: "-1" },
      h("h1", null, t("signin.title")),
      h("p", { class: "soft" }, t("signin.text")),
      h(
        "form",
        { on: { submit } },
        h("label", { class: "field", for: "token" }, t("signin.token"), field),
        problem,
        h("button", { class: "button main-one", type: "submit" }, t("signin.do")),
      ),
      h(
        "details",
        null,
        h("summary", null, t("signin.how")),
        h("p", null, t("signin.how.text")),
        h("p", null, h("code", null, "sentistream console token create --role reviewer NAME")),
      ),
      h(
        "button",
        {
          class: "button quiet",
          type: "button",
          lang: other === "zh" ? "zh-CN" : "en",
          on: { click: () => (useLanguage(other), showSignIn(app, restart)) },
        },
        other === "zh" ? "中文" : "English",
      ),
    ),
  );
  document.title = `${t("signin.title")} · Sentistream`;
  field.focus();
}
