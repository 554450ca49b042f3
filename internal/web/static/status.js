// Keeps the table fresh while somebody looks at it. The page works without.
"use strict";
(() => {
  const pause = 2000; // milliseconds between two looks, and more on slow lines
  let timer = 0;

  // handle names what an element is for, so that focus can return to it.
  const handle = (e) => e && (e.getAttribute("formaction") || e.getAttribute("href"));

  // replace puts the new table in place of the old one.
  const replace = (fresh) => {
    const old = document.getElementById("programs");
    const now = fresh.getElementById("programs");
    if (!now) throw new Error("not the status page");
    const token = fresh.querySelector("input[name=token]");
    const mine = document.querySelector("input[name=token]");
    if (token && mine) mine.value = token.value;
    if (old.innerHTML === now.innerHTML) return;
    const focus = old.contains(document.activeElement) ? handle(document.activeElement) : null;
    old.replaceWith(document.adoptNode(now));
    if (!focus) return;
    for (const e of now.querySelectorAll("button, a")) {
      if (handle(e) === focus) e.focus({ preventScroll: true });
    }
  };

  const look = async () => {
    const began = Date.now();
    let lost = true;
    try {
      const answer = await fetch("index.html", { cache: "no-store", signal: AbortSignal.timeout(15000) });
      if (answer.ok) {
        replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
        lost = false;
      }
    } catch {
      // said by the mark below
    }
    document.getElementById("lost").hidden = !lost;
    plan(Math.max(pause, 10 * (Date.now() - began)));
  };

  const plan = (wait) => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, wait);
  };

  document.addEventListener("visibilitychange", () => plan(0));
  document.addEventListener("submit", (event) => {
    if (event.submitter) event.submitter.classList.add("busy");
  });
  plan(pause);
})();
