/* keys.js: the assessment form by keyboard, `/` for search, and the letter of a link that shows one (data-key). It moves and selects; it computes nothing.
   The account page switches keys of one sign off (WCAG 2.1.4); the choice stays in this browser. */
(function () {
  "use strict";
  const FORM = "#assessment", root = document.documentElement;
  const kept = () => { try { return localStorage.getItem("keys"); } catch { return null; } };
  const keep = (state) => { try { localStorage.setItem("keys", state); } catch { /* a private window forgets it */ } };
  root.dataset.keys = kept() === "off" ? "off" : "on";
  const rows = () => [...document.querySelectorAll(FORM + " .grades")].filter((row) => row.offsetParent !== null);
  const first = (row) => row.querySelector("input[type=radio]:checked") || row.querySelector("input, select");
  const changed = (input) => input.dispatchEvent(new Event("change", { bubbles: true }));
  const typing = (el) => /^(TEXTAREA|SELECT)$/.test(el.tagName) || (el.tagName === "INPUT" && !/^(radio|checkbox|submit|button)$/.test(el.type));

  function go(row, step) {
    const list = rows(), next = list[list.indexOf(row) + step];
    const target = next ? first(next) : step > 0 && document.querySelector(FORM + " textarea");
    if (target) target.focus();
  }

  function tick(box, on) {
    if (box.checked === on) return;
    box.checked = on;
    changed(box);
  }

  // marks of one row shut each other out, and a grade and "not done" do
  function agree(input) {
    const row = input.closest(".grades");
    if (!row || !row.querySelector("[data-mark]")) return;
    if (input.matches("[data-mark]:checked")) {
      for (const other of row.querySelectorAll("[data-mark]:checked")) if (other !== input) other.checked = false;
      if (input.value === "not_done") for (const key of row.querySelectorAll("[data-key]:checked")) key.checked = false;
    }
    if (input.matches("[data-key]:checked")) for (const none of row.querySelectorAll("[value=not_done]:checked")) none.checked = false;
  }

  // what the server said of a row holds until the row is changed
  function forget(input) {
    const row = input.closest(".grades.wrong");
    if (!row) return;
    row.classList.remove("wrong");
    for (const said of row.querySelectorAll(".invalid-feedback")) said.remove();
    for (const field of row.querySelectorAll(".is-invalid")) field.classList.remove("is-invalid");
  }

  function clear(row) {
    const set = [...row.querySelectorAll("input:checked")];
    for (const input of set) input.checked = false;
    if (set.length) changed(set[0]);
  }

  function asLastTime(row) {
    const distance = row.querySelector("input[data-was]:not([data-unlimited])"), unlimited = row.querySelector("[data-unlimited]");
    if (distance) {
      if (!distance.dataset.was && !("was" in unlimited.dataset)) return false;
      distance.value = distance.dataset.was;
      tick(unlimited, "was" in unlimited.dataset);
      changed(distance);
      return true;
    }
    const set = [...row.querySelectorAll(".was input")];
    for (const input of set) { input.checked = true; changed(input); }
    return set.length > 0;
  }

  // one key in a row; true when it was meant for it
  function press(row, key, target) {
    if (key === "ArrowDown" || key === "ArrowUp") { go(row, key === "ArrowDown" ? 1 : -1); return true; }
    if (key === "Enter") { go(row, 1); return true; }
    const unlimited = row.querySelector("[data-unlimited]");
    if (unlimited && key === "u") { tick(unlimited, !unlimited.checked); return true; }
    if (key === "=") { if (asLastTime(row)) go(row, 1); return true; }
    if (typing(target)) return false;
    if ((key === "Backspace" || key === "Delete") && row.querySelector("[data-key]")) { clear(row); return true; }
    const mark = row.querySelector('[data-mark="' + CSS.escape(key) + '"]');
    if (mark) {
      tick(mark, !mark.checked);
      if (mark.value === "not_done" && mark.checked) go(row, 1);
      return true;
    }
    const pick = row.querySelector('[data-key="' + CSS.escape(key) + '"]');
    if (!pick) return false;
    tick(pick, true);
    go(row, 1);
    return true;
  }

  for (const box of document.querySelectorAll("[data-keys-switch]")) {
    box.checked = root.dataset.keys === "on";
    box.disabled = false;
    box.addEventListener("change", () => { root.dataset.keys = box.checked ? "on" : "off"; keep(root.dataset.keys); });
  }

  document.addEventListener("focusin", (e) => {
    for (const row of document.querySelectorAll(FORM + " .grades")) row.classList.toggle("now", row.contains(e.target));
  });
  document.addEventListener("change", (e) => {
    if (!e.target.closest(FORM)) return;
    agree(e.target);
    forget(e.target);
  }, true);
  document.addEventListener("keydown", (e) => {
    const held = e.ctrlKey || e.metaKey || e.altKey;
    if (e.key.length === 1 && (held || e.isComposing || root.dataset.keys === "off")) return;
    if (e.key === "/" && !typing(e.target)) {
      const search = document.querySelector("[data-search]");
      if (search) { e.preventDefault(); search.focus(); }
      return;
    }
    const form = document.querySelector(FORM);
    if (!form) {
      const link = !typing(e.target) && !held && document.querySelector('a[data-key="' + CSS.escape(e.key.toLowerCase()) + '"]');
      if (link) { e.preventDefault(); link.click(); }
      return;
    }
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); form.requestSubmit(); return; }
    if (held) return;
    const row = e.target.closest(FORM + " .grades");
    const list = e.target.tagName === "SELECT"; // the list of codes keeps its own keys
    if (row && !list && press(row, e.key.length === 1 ? e.key.toLowerCase() : e.key, e.target)) e.preventDefault();
    else if (e.key === "Enter" && e.target.closest(FORM) && e.target.tagName === "INPUT") e.preventDefault(); // only Ctrl Enter and the buttons save
  });
})();
