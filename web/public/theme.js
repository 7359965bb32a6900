// Runs before the first paint, so that a chosen theme does not flash the other one.
;(function () {
  try {
    var theme = localStorage.getItem('phaseline.theme')
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
  } catch (e) {
    // Storage is off: the system's theme applies.
  }
})()
