// Health: whether every part of the stream keeps up, and what to do where one does not.

import { get } from "../api.js";
import { apiWords, findingWords, inTheOriginal } from "../api_words.js";
import { h, put } from "../dom.js";
import { has, number, rate, span, t } from "../i18n.js";
import { deadLetters } from "../parts/dead_letters.js";
import { failed, figure, load, viewHead } from "../parts/states.js";
import { every } from "../ticker.js";
import { when } from "../time.js";

const SERVICES = ["streams", "worker", "store"];
const MARK = { ok: "good", behind: "warn", down: "bad", unknown: "", unwatched: "" };

/** Show Health. */
export function mount(root) {
  const body = h("div", { class: "view", "aria-live": "off" });
  const letters = h("section", { class: "sheet" });
  put(root, viewHead(t("nav.health"), t("health.what")), body, letters);
  let lettersSeen = null;
  let loaded = false;

  const refreshLetters = () => deadLetters(letters, refreshLetters);
  const show = (health) => {
    loaded = true;
    const seen = JSON.stringify(health.dead_letters);
    if (seen !== lettersSeen && !document.querySelector("dialog[open]")) {
      lettersSeen = seen;
      refreshLetters();
    }
    return sheets(health);
  };
  const refresh = (options) => load(body, () => get("/health"), show, options);
  refresh();
  every(5000, root, async () => {
    if (!loaded) return;
    try {
      put(body, show(await get("/health")));
    } catch (error) {
      put(
        body,
        failed(error, () => refresh()),
      );
    }
  });
  return { keys: [{ key: "r", text: t("refresh"), act: () => refresh({ quietly: true }) }] };
}

function state(name) {
  return h("span", { class: `chip ${MARK[name]}` }, t(`state.${name}`));
}

const most = (value) => h("small", { class: "under" }, t("health.most", { value }));

function worst(groups) {
  const known = groups.filter((group) => group.lag_seconds !== null);
  return known.length ? Math.max(...known.map((group) => group.lag_seconds)) : null;
}

function sheets(health) {
  const { latency_ms: latency, rates } = health;
  const worker = health.services.find((service) => service.service === "worker")?.figures ?? {};
  const letters = health.dead_letters?.reduce((sum, one) => sum + one.count, 0);
  return [
    h(
      "div",
      { class: `health-banner ${health.state}` },
      h("strong", null, t(`health.state.${health.state}`)),
      h("span", null, overview(health)),
      h("span", { class: "soft" }, t("health.at"), " ", when(health.checked_at)),
    ),
    h(
      "dl",
      { class: "figures" },
      figure(t("health.lag"), span(worst(health.groups)), "", t("health.lag.hint")),
      figure(
        t("live.rate"),
        rate(rates.last_minute),
        t("per.second"),
        t("health.rates.hint", { ten: rate(rates.last_ten_minutes), hour: rate(rates.last_hour) }),
      ),
      figure(
        t("health.flight"),
        worker.in_flight === undefined ? "–" : number(worker.in_flight),
        "",
        t("health.flight.hint"),
      ),
      figure(
        t("health.model"),
        worker.model_p50_s === undefined ? "–" : span(worker.model_p50_s),
        worker.model_p99_s === undefined ? "" : most(span(worker.model_p99_s)),
        t("health.model.hint"),
      ),
      figure(
        t("health.latency"),
        latency.p50 === undefined ? "–" : span(latency.p50 / 1000),
        latency.p99 === undefined ? "" : most(span(latency.p99 / 1000)),
        t("live.latency.hint"),
      ),
      figure(t("letters"), letters === undefined ? "–" : number(letters), "", t("letters.hint")),
    ),
    h(
      "div",
      { class: "parts-grid" },
      health.groups.map(group),
      SERVICES.filter((name) => !health.groups.some((one) => one.service === name)).map(unseen),
      kafka(health),
      store(health.store),
      health.services.map(service),
    ),
  ];
}

function part(name, its, text, toDo, facts, under = null) {
  return h(
    "section",
    { class: `sheet part state-${its}` },
    h("div", { class: "sheet-head" }, h("div", null, h("h2", null, name), under), state(its)),
    h("p", null, text),
    toDo && h("p", { class: "note warn" }, h("b", null, t("to.do")), " ", toDo),
    facts,
  );
}

// In the reader's language, from the states.
function overview(health) {
  if (health.state === "ok") return t("health.all.ok");
  // A service whose page has no address is no trouble.
  const services = health.state === "unknown" ? [] : health.services;
  const parts = [...health.groups, ...services]
    .filter((one) => one.state === health.state)
    .map((one) => t(`service.${one.service}`));
  if (health.kafka === health.state) parts.unshift("Kafka");
  return parts.length ? `${[...new Set(parts)].join(", ")}: ${t(`state.${health.state}`)}` : t(`state.${health.state}`);
}

function lagWords(one) {
  if (one.lag_records === null || !["ok", "behind", "down"].includes(one.state)) return findingWords(one);
  const values = { count: one.lag_records, age: span(one.lag_seconds) };
  const toDo = one.state === "ok" ? null : t(`do.${one.state}.${one.service}`);
  return [t(one.lag_records || one.state !== "ok" ? `lag.${one.state}` : "lag.none", values), toDo];
}

function group(one) {
  const [text, toDo] = lagWords(one);
  const facts = h(
    "dl",
    { class: "pairs" },
    pair(t("lag.seconds"), one.lag_seconds === null ? "–" : span(one.lag_seconds)),
    pair(t("lag.records"), one.lag_records === null ? "–" : number(one.lag_records)),
    pair(t("members"), one.members === null ? "–" : number(one.members)),
  );
  return part(
    t(`service.${one.service}`),
    one.state,
    text,
    toDo,
    facts,
    h("small", { class: "soft named" }, `${one.topic} · ${one.group}`),
  );
}

// Kafka alone knows how far a service is: without it, none is called well or down.
function unseen(name) {
  return part(t(`service.${name}`), "unknown", t("lag.unseen"), null, null);
}

const pair = (name, value) => [h("dt", null, name), h("dd", { class: "number" }, value)];

function kafka(health) {
  const why = health.kafka_finding;
  // Where it could not be asked, that is the worst that there is, and the whole answer's text.
  const text = why ? apiWords(why.code, why.facts, health.text) : t(`kafka.${health.kafka}`);
  return part("Kafka", health.kafka, text, null, why && inTheOriginal(health.text));
}

function store(one) {
  const [text, toDo] = findingWords(one);
  const facts = h(
    "dl",
    { class: "pairs" },
    pair(t("store.events"), number(one.events)),
    pair(t("store.oldest"), one.oldest_sent_at ? when(one.oldest_sent_at) : "–"),
    pair(t("store.newest"), one.newest_sent_at ? when(one.newest_sent_at) : "–"),
  );
  return part(t("store.title"), one.state, text, toDo, facts);
}

function service(one) {
  const entries = Object.entries(one.figures);
  const value = (name, figureOf) =>
    name.endsWith("_s") && !name.endsWith("per_s") ? span(figureOf) : number(figureOf, figureOf < 10 ? 2 : 0);
  const facts = entries.length
    ? h(
        "dl",
        { class: "pairs" },
        entries.map(([name, found]) =>
          pair(has(`figure.${name}`) ? t(`figure.${name}`) : h("code", null, name), value(name, found)),
        ),
      )
    : null;
  const [text, toDo] = findingWords(one);
  const name = t("service.page", { name: t(`service.${one.service}`) });
  // Nobody has to watch it: that is nothing to mend.
  if (one.state === "unknown") {
    return part(name, "unwatched", t("service.unwatched"), null, h("p", { class: "soft" }, toDo));
  }
  return part(name, one.state, text, toDo, facts);
}
