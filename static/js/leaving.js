/* leaving.js: asks before a form with unsaved input is left, and before it is sent makes sure that somebody is still
   signed in: a form sent without that would come back empty. Nothing is kept on this computer. */
(function () {
  "use strict";
  const form = document.querySelector("form[data-leaving]");
  if (!form) return;
  const page = form.dataset.leaving; // any page of a signed-in person; it holds a fresh token for the form
  let open = "unsaved" in form.dataset || form.querySelector(".is-invalid, .invalid-feedback, .errors") !== null || document.querySelector(".errors") !== null;
  let asking = false, sure = false;
  form.addEventListener("input", () => { open = true; });
  form.addEventListener("change", () => { open = true; });
  addEventListener("beforeunload", (e) => { if (open) e.preventDefault(); });

  function say(words, link) {
    const old = form.querySelector("[data-said]"), box = document.createElement("div");
    box.className = "errors mb-3";
    box.tabIndex = -1;
    box.dataset.said = "";
    box.setAttribute("role", "alert");
    const p = box.appendChild(document.createElement("p"));
    p.className = "mb-0";
    if (link) {
      const a = p.appendChild(document.createElement("a"));
      a.href = page;
      a.target = "_blank";
      a.textContent = link;
    }
    p.append(words);
    if (old) old.replaceWith(box); else form.prepend(box);
    box.focus();
  }
  const signedOut = () => say(", then save again here. You are signed out; nothing you typed is lost.", "Sign in in a new tab");

  // true when somebody is signed in; the form then holds the token of that sign-in
  async function signedIn() {
    const answer = await fetch(page, { redirect: "manual", credentials: "same-origin" });
    const found = answer.ok && /name="csrfmiddlewaretoken" value="(\w+)"/.exec(await answer.text());
    if (!found) return false;
    form.querySelector("[name=csrfmiddlewaretoken]").value = found[1];
    document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-CSRFToken": found[1] }));
    return true;
  }

  // signed in anew in another tab: the live result is asked for again, once, with the token of that sign-in
  let renewed = false;
  document.addEventListener("htmx:after:swap", () => { renewed = false; });
  async function anew() {
    if (renewed) return;
    renewed = true;
    if (await signedIn()) form.dispatchEvent(new Event("change", { bubbles: true }));
  }

  form.addEventListener("submit", async (e) => {
    if (sure) { sure = false; open = false; return; }
    e.preventDefault();
    if (asking) return; // a second click
    asking = true;
    try {
      sure = await signedIn();
      if (sure) form.requestSubmit(e.submitter); else signedOut();
    } catch {
      say("The server does not answer. Nothing you typed is lost; save again in a moment.");
    } finally {
      asking = false;
    }
  });
  // the live result of somebody signed out: stay on the page, and put no sign-in or error page into it
  document.addEventListener("htmx:response:error", (e) => {
    const ctx = e.detail.ctx, status = ctx.response.status;
    if (status !== 401 && status !== 403) return;
    ctx.hx = { ...ctx.hx, redirect: undefined, reswap: "none" };
    if (status === 401) signedOut();
    else anew().catch(() => {});
  });
})();
