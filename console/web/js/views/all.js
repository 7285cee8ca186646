// The views. Each is loaded when it is first shown, and has `mount(root, route)`, which returns what it can do.

import { put } from "../dom.js";
import { setViewKeys } from "../keys.js";
import { bones, failed } from "../parts/states.js";

const VIEWS = {
  live: () => import("./live.js"),
  conversations: (at) => (at.id === null ? import("./conversations.js") : import("./conversation.js")),
  trends: () => import("./trends.js"),
  review: () => import("./review.js"),
  alerts: () => import("./alerts.js"),
  model: () => import("./model.js"),
  health: () => import("./health.js"),
};

let current = null;
let wanted = 0;

/** Show a view; false where there is none of this name. */
export function mountView(main, at) {
  if (!Object.hasOwn(VIEWS, at.view)) return false;
  unmountView();
  const mine = wanted;
  put(main, bones(3));
  VIEWS[at.view](at)
    .then((module) => {
      if (mine !== wanted) return;
      const root = document.createElement("div");
      root.className = "view";
      put(main, root);
      current = module.mount(root, at);
      setViewKeys(current.keys ?? []);
    })
    .catch((error) => {
      put(
        main,
        failed(error, () => location.reload()),
      );
      throw error;
    });
  return true;
}

/** The same view, other filters. */
export function updateView(at) {
  current?.update?.(at);
}

/** Let the view stop what it does in the background. */
export function unmountView() {
  wanted += 1;
  setViewKeys([]);
  current?.destroy?.();
  current = null;
}
