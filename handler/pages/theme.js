// The colours, before anything is drawn: those that were chosen on either page, else the system's.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)"), root = document.documentElement;
  let chosen = null;
  try { chosen = localStorage.getItem("seeklet-theme"); } catch { /* A browser may refuse to store. */ }
  const show = () => {
    root.dataset.theme = chosen === "dark" || chosen === "light" ? chosen : system.matches ? "dark" : "light";
    const button = document.getElementById("theme");
    if (button) button.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
    document.dispatchEvent(new Event("theme"));
  };
  show();
  system.addEventListener("change", show);
  addEventListener("storage", (event) => { if (event.key === "seeklet-theme") { chosen = event.newValue; show(); } });
  addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").onclick = () => {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("seeklet-theme", chosen); } catch { /* Then it holds for this page alone. */ }
      show();
    };
  });
})();
