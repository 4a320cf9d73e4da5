// Runs before the first paint: a chosen theme must not flash the other one.
(function () {
  try {
    var chosen = localStorage.getItem("samovar.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage is closed to us: the system's theme it is.
  }
})();
