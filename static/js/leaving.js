/* leaving.js: asks before a form with unsaved input is left. Nothing is kept on this computer. */
(function () {
  "use strict";
  let open = false;
  const form = document.querySelector("form[data-leaving]");
  if (!form) return;
  open = form.querySelector(".is-invalid, .invalid-feedback, .errors") !== null || document.querySelector(".errors") !== null;
  form.addEventListener("input", () => { open = true; });
  form.addEventListener("change", () => { open = true; });
  form.addEventListener("submit", () => { open = false; });
  addEventListener("beforeunload", (e) => { if (open) e.preventDefault(); });
})();
