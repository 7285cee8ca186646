// Model: adapter versions, why the gate let them pass, what each labelled; release and rollback.

import { get, post } from "../api.js";
import { apiWords, findingWords, inTheOriginal } from "../api_words.js";
import { h, put } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { tableOf } from "../parts/chart.js";
import { confirmWithReason } from "../parts/dialog.js";
import { gateReport } from "../parts/gate.js";
import { mixBar } from "../parts/label_mix.js";
import { empty, figure, load, viewHead } from "../parts/states.js";
import { toast, toastError } from "../parts/toast.js";
import { session } from "../session.js";
import { when } from "../time.js";

/** Show Model. */
export function mount(root) {
  const body = h("div", { class: "view" });
  put(root, viewHead(t("nav.model"), t("model.what")), body);
  const refresh = (options) =>
    load(
      body,
      () => get("/adapters"),
      (found) => sheets(found, () => refresh({ quietly: true })),
      options,
    );
  refresh();
  return { keys: [{ key: "r", text: t("refresh"), act: () => refresh({ quietly: true }) }] };
}

const nameOf = (version) => version ?? t("adapter.none");

function sheets(found, refresh) {
  const events = found.labelled.reduce((sum, one) => sum + one.events, 0);
  return [
    found.trouble &&
      h(
        "div",
        { class: "note bad", role: "alert" },
        h("p", null, findingWords({ text: found.trouble, findings: found.findings })[0]),
        inTheOriginal(found.trouble),
      ),
    h(
      "dl",
      { class: "figures wide" },
      figure(t("model.name"), h("bdi", { class: "named model-name" }, found.model)),
      figure(t("model.live"), h("bdi", { class: "named model-name" }, nameOf(found.live))),
      figure(t("model.versions"), number(found.versions.length)),
      figure(t("trends.events"), number(events)),
    ),
    actions(found, refresh),
    h("h2", null, t("model.versions.head")),
    found.versions.length
      ? h(
          "ol",
          { class: "versions" },
          found.versions.map((one) => version(one, refresh)),
        )
      : empty("model", t("model.empty"), t("model.empty.do"), h("code", null, "sentistream trainer")),
    h("section", { class: "sheet" }, h("h2", null, t("labelled.title")), labelledTable(found.labelled)),
    h(
      "section",
      { class: "sheet" },
      h("h2", null, t("history.title")),
      found.history.length
        ? h("ol", { class: "history" }, found.history.map(decision))
        : h("p", { class: "soft" }, t("history.empty")),
    ),
  ];
}

async function decide(path, body, what, refresh) {
  try {
    const done = await post(path, body);
    toast(t("decided"), t(what, { version: nameOf(done.version) }));
    refresh();
  } catch (error) {
    toastError(error);
  }
}

function actions(found, refresh) {
  if (!session.me.may_release) return h("p", { class: "note" }, t("model.viewer"));
  const rollBack = async () => {
    const reason = await confirmWithReason(
      t("rollback.ask"),
      t("rollback.text", { from: nameOf(found.live), to: nameOf(found.rollback_to) }),
      t("rollback"),
      true,
    );
    if (reason) await decide("/adapters/rollback", { reason }, "rolled.back", refresh);
  };
  return h(
    "div",
    { class: "view-actions" },
    h(
      "button",
      { class: "button danger", type: "button", disabled: !found.can_roll_back, on: { click: rollBack } },
      t("rollback.to", { version: nameOf(found.rollback_to) }),
    ),
  );
}

function version(one, refresh) {
  const release = async () => {
    const reason = await confirmWithReason(
      t("release.ask", { version: one.version }),
      t(one.gate?.released === false ? "release.refused.text" : "release.text"),
      t("release"),
    );
    if (reason) await decide(`/adapters/${encodeURIComponent(one.version)}/release`, { reason }, "released", refresh);
  };
  const verdict =
    one.gate === null
      ? null
      : h(
          "span",
          { class: `chip ${one.gate.released ? "good" : "bad"}` },
          t(one.gate.released ? "gate.passed" : "gate.refused"),
        );
  return h(
    "li",
    { class: `sheet version${one.live ? " live-version" : ""}` },
    h(
      "div",
      { class: "sheet-head" },
      h(
        "div",
        null,
        h("strong", { class: "mono named" }, one.version),
        " ",
        one.live ? h("span", { class: "chip corrected" }, t("model.is.live")) : null,
        " ",
        verdict,
      ),
      h("span", { class: "soft" }, t("made"), " ", when(one.made_at)),
    ),
    h(
      "p",
      { class: "soft" },
      t("parent"),
      " ",
      h("bdi", { class: "named" }, one.parent ?? t("parent.base")),
      " · ",
      one.labelled ? t("labelled.by", { count: one.labelled.events }) : t("labelled.nothing"),
    ),
    gateReport(one.gate),
    session.me.may_release && !one.live
      ? h("button", { class: "button", type: "button", on: { click: release } }, t("release"))
      : null,
  );
}

function labelledTable(all) {
  if (!all.length) return h("p", { class: "soft" }, t("labelled.empty"));
  const row = (one) => {
    const total = Object.values(one.labels).reduce((sum, count) => sum + count, 0);
    return [
      h(
        "span",
        null,
        h("bdi", { class: "named mono" }, nameOf(one.version)),
        h("br"),
        h("small", { class: "soft named" }, one.model),
      ),
      number(one.events),
      h("span", { class: "group-mix" }, mixBar(one.labels, Math.max(total, 1))),
      percent(one.events ? one.unlabelled / one.events : 0, 1),
      percent(total ? one.corrected / total : 0, 1),
      when(one.last_at),
    ];
  };
  return tableOf({
    head: [t("version"), t("trends.events"), t("label"), t("unlabelled"), t("corrected"), t("last")],
    rows: all.map(row),
    numeric: [1, 3, 4],
    caption: t("labelled.title"),
  });
}

function decision(one) {
  return h(
    "li",
    null,
    h("span", { class: `chip ${one.status === "released" ? "good" : "warn"}` }, t(`decision.${one.status}`)),
    " ",
    h("bdi", { class: "named mono" }, nameOf(one.version)),
    " ",
    h(
      "span",
      { class: "soft" },
      t("history.before", { version: nameOf(one.previous) }),
      one.reason
        ? [" · ", h("bdi", { class: "named" }, one.by_gate ? apiWords("by_gate", {}, one.reason) : one.reason)]
        : null,
      " · ",
      when(one.decided_at),
    ),
  );
}
