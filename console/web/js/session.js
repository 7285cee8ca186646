// Who is signed in, and what the filters can offer.

import { get, post, remove } from "./api.js";
import { family } from "./labels.js";
import { setServerTime } from "./time.js";

export const session = { me: null, taxonomies: [], inUse: [], tenants: [], languages: [] };

/** Ask who we are; ApiError 401 where nobody. */
export async function whoAmI() {
  session.me = await get("/me");
  setServerTime(session.me.server_time);
  await loadTaxonomies();
  return session.me;
}

/** Ask again what label sets, tenants and languages there are. */
export async function loadTaxonomies() {
  const all = await get("/taxonomies");
  session.taxonomies = all.taxonomies;
  // Each its colour and shape, in an order that is the same everywhere.
  for (const one of all.taxonomies.flatMap((set) => set.labels)) family(one.name);
  session.inUse = all.in_use;
  session.tenants = all.tenants;
  session.languages = all.languages;
}

/** Exchange a token for the session cookie. */
export async function signIn(token) {
  await post("/session", { token });
  return whoAmI();
}

/** End the session. */
export async function signOut() {
  await remove("/session");
  session.me = null;
}

/** The label set of this name. */
export function taxonomy(name) {
  return session.taxonomies.find((one) => one.name === name) ?? { name, title: name, labels: [] };
}

/** All labels that stored events can have, each once, in their taxonomy's order. */
export function labelsInUse() {
  const names = session.inUse.length ? session.inUse : ["meld"];
  return [...new Set(names.flatMap((name) => taxonomy(name).labels.map((label) => label.name)))];
}
