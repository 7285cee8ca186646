// Talks to /api/v1. Every failure becomes an ApiError whose detail says what to do.

import { apiWords } from "./api_words.js";
import { t } from "./i18n.js";

export const BASE = "/api/v1";

/** What the API (or the network) said instead of an answer; `original` are its own words. */
export class ApiError extends Error {
  constructor(status, title, detail, original = null) {
    super(detail);
    this.status = status;
    this.title = title;
    this.original = original;
  }
}

/** A path with its parameters; empty ones are left out. */
export function address(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  return `${BASE}${path}${query.size ? `?${query}` : ""}`;
}

async function problem(answer) {
  let body = {};
  try {
    body = await answer.json();
  } catch {
    // Not ours: a proxy's page, say.
  }
  const status = t("error.status", { status: String(answer.status) });
  if (body.detail === undefined) return new ApiError(answer.status, body.title ?? status, t("error.generic"));
  const title = apiWords(`title.${answer.status}`, {}, body.title ?? status);
  return new ApiError(answer.status, title, apiWords(body.code, body.facts, body.detail), body.detail);
}

async function ask(method, path, { params, body, signal } = {}) {
  // A page of another origin cannot set this header, which is what the API asks of writes.
  const headers = { Accept: "application/json", "X-Requested-With": "sentistream" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(address(path, params), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, t("error.unreachable"), t("error.unreachable.do"));
  }
  if (!answer.ok) throw await problem(answer);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, params, signal) => ask("GET", path, { params, signal });
export const post = (path, body) => ask("POST", path, { body });
export const remove = (path) => ask("DELETE", path);
