/* patient.js: N opens the assessment form, a button prints. It computes nothing. */
(function () {
  "use strict";
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
    const link = document.querySelector('a[data-key="' + CSS.escape(e.key.toLowerCase()) + '"]');
    if (link) { e.preventDefault(); link.click(); }
  });
  document.addEventListener("click", (e) => { if (e.target.closest("[data-print]")) print(); });
})();
