// The address holds the view and its filters: #/live?label=anger. The back button walks through them.

/** `{view, id, params}` of the address as it is now. */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...rest] = path.split("/");
  let id = null;
  try {
    id = rest.length ? decodeURIComponent(rest.join("/")) : null;
  } catch {
    // A broken escape: the view without it.
  }
  return { view: view || "live", id, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a view. */
export function link(view, id = null, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "" && value != null));
  return `#/${view}${id === null ? "" : `/${encodeURIComponent(id)}`}${query.size ? `?${query}` : ""}`;
}

/** Go to a view. */
export function go(view, id = null, params = {}) {
  location.hash = link(view, id, params);
}

/** Change filters; `replace` for what is typed, so that the back button does not walk through letters. */
export function setParams(changes, { replace = false } = {}) {
  const { view, id, params } = route();
  const target = link(view, id, { ...params, ...changes });
  if (target === location.hash) return;
  if (!replace) {
    location.hash = target;
    return;
  }
  history.replaceState(null, "", target);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
