// A classic script in the head: runs before the first paint, so that nothing flashes in the wrong theme.
(function early() {
  let theme = null;
  let language = null;
  try {
    theme = localStorage.getItem("sentistream.theme");
    language = localStorage.getItem("sentistream.language");
  } catch {
    // Storage can be forbidden; the system's own choices hold then.
  }
  const root = document.documentElement;
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const wanted = language || navigator.language || "en";
  root.lang = wanted.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
})();
