// What this browser keeps between visits: theme and language. Storage can be forbidden; then nothing is kept.

/** Keep a choice. */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(`sentistream.${name}`);
    else localStorage.setItem(`sentistream.${name}`, value);
  } catch {
    // Forbidden: it holds until the page is closed.
  }
}
