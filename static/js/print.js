/* print.js: a button prints. */
(function () {
  "use strict";
  document.addEventListener("click", (e) => { if (e.target.closest("[data-print]")) print(); });
})();
