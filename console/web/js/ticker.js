// Does something again and again while an element is on the page and the page is looked at.

/** Calls `act` now and every `ms` afterwards; ends by itself when the element has gone. */
export function every(ms, element, act) {
  let running = false;
  const turn = async () => {
    if (running || document.hidden) return;
    running = true;
    try {
      await act();
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => {
    if (element.isConnected) turn();
    else clearInterval(timer);
  }, ms);
  queueMicrotask(turn);
}
