/* session.js: warns before a sign-in ends, keeps it while somebody works here, and covers the page when it is over.
   The server decides; this only asks it (which keeps nothing alive) and tells it that the user did something. */
(function () {
  "use strict";
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); }); // back after the sign-out: ask the server
  const box = document.getElementById("idle");
  if (!box) return;
  const { url, user, login } = box.dataset, warn = 1000 * box.dataset.warn, idle = 1000 * box.dataset.idle;
  const often = Math.min(60000, idle / 10); // how often activity is told
  let ends = Date.now() + 1000 * box.dataset.left, told = Date.now();
  let did = false, typed = false, state = "", asking = false, leaving = false;

  const unsaved = () => typed || document.querySelector("form[data-unsaved], .errors[role=alert]") !== null;

  function show(next, title) {
    state = next;
    for (const part of box.querySelectorAll("[data-part]")) part.hidden = !part.dataset.part.split(" ").includes(next);
    box.querySelector("[data-say=title]").textContent = title;
    box.classList.toggle("over", next === "over" || next === "other");
    if (!next) { if (box.open) box.close(); return; }
    if (!box.open) box.showModal();
    box.querySelector("button:not([hidden]), a:not([hidden])").focus();
    clock();
  }

  function clock() {
    const s = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
    for (const out of box.querySelectorAll("[data-clock]")) out.textContent = Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0");
  }

  function over() {
    if (state === "over" || state === "other") return;
    if (unsaved()) { show("over", "You are signed out"); return; }
    location.replace(login + "?next=" + encodeURIComponent(location.pathname));
  }

  // signed in anew in another tab: forms here need the token of that sign-in
  function renew(token) {
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
    document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-CSRFToken": token }));
  }

  async function ask(method) {
    if (asking) return;
    asking = true;
    try {
      const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
      const headers = method === "POST" ? { "X-CSRFToken": token } : { "X-Passive": "1" };
      const answer = await fetch(url, { method, headers, credentials: "same-origin", cache: "no-store" });
      const found = answer.ok ? await answer.json() : { left: 0, user: null };
      if (found.user !== null && String(found.user) !== user) { show("other", "Somebody else is signed in"); return; }
      if (found.left <= 0) { over(); return; }
      renew(found.token);
      ends = Date.now() + 1000 * found.left;
      if (method === "POST") { did = false; told = Date.now(); }
      if (method === "POST" && ends - Date.now() <= warn) show("last", "Your sign-in ends soon");
      else if (state === "over" || ends - Date.now() > warn) show("", "");
    } catch {
      if (Date.now() >= ends) over(); // nobody answers: what is shown is covered all the same
    } finally {
      asking = false;
    }
  }

  async function tick() {
    if (leaving || state === "over" || state === "other") return;
    if (state === "warn" || state === "last") clock();
    const left = ends - Date.now();
    if (left <= 0) { await ask("GET"); return; }
    if (did && state === "" && (Date.now() - told >= often || left <= warn)) { await ask("POST"); return; }
    if (left <= warn && state === "" && !("seen" in box.dataset)) {
      await ask("GET"); // another tab may have kept it
      if (state === "" && ends - Date.now() <= warn) show("warn", "Are you still there?");
    }
  }
  setInterval(tick, 1000);

  for (const kind of ["pointerdown", "keydown", "input", "change", "wheel", "touchstart"]) {
    addEventListener(kind, (e) => {
      if (box.open) return;
      did = did || e.isTrusted; // not what a script or an extension does
      const form = e.target.closest && e.target.closest("main form[method=post]");
      if (form && (kind === "input" || kind === "change")) typed = true;
    }, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask("GET"); }); // after a sleep, or in another tab
  addEventListener("focus", () => ask("GET"));

  box.addEventListener("click", (e) => {
    const what = e.target.closest("[data-do]");
    if (!what) return;
    if (what.dataset.do === "stay") ask("POST");
    if (what.dataset.do === "close") { box.dataset.seen = ""; show("", ""); }
    if (what.dataset.do === "leave") leaving = true;
  });
  box.addEventListener("cancel", (e) => {
    e.preventDefault();
    if (state === "warn") ask("POST"); // who presses a key is there
    if (state === "last") { box.dataset.seen = ""; show("", ""); }
  });
  box.addEventListener("close", () => { if (state === "over" || state === "other") box.showModal(); });
})();
