// Keeps the page up to date from the event stream and the reader where they read. The page works without it.
"use strict";
(() => {
  const chat = document.body.dataset.chat;
  const main = document.getElementById("timeline");
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  const unseen = new Set();
  let follow = false;

  const parsed = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html; // escaped by the server; the page's policy runs no script that is not a file of ours
    return template.content;
  };

  // Whatever `change` does to the document, the entry at the top of the window stays where it is.
  const inPlace = (change) => {
    const anchor = [...main.querySelectorAll(".entry")].find((e) => e.getBoundingClientRect().bottom > 0);
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected && window.scrollY > 0 && !follow) {
      window.scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
    }
  };

  const section = (key) => main.querySelector(`section[data-key="${CSS.escape(key)}"]`);

  const addSection = (key, before) => {
    const made = document.createElement("section");
    made.id = made.dataset.key = key;
    made.setAttribute("aria-labelledby", `title-${key}`);
    made.innerHTML = '<div class="head"></div><ol class="entries"></ol>';
    main.insertBefore(made, before ?? document.getElementById("rest"));
    return made;
  };

  const entry = ({ no, html, question }) => {
    const item = parsed(html).firstElementChild;
    const old = document.getElementById(`entry-${no}`);
    const list = (section(question) ?? addSection(question)).querySelector(".entries");
    if (old?.querySelector("details")?.open) item.querySelector("details")?.setAttribute("open", "");
    const held = old?.contains(document.activeElement);
    const next = [...list.children].find((e) => e !== old && Number(e.dataset.no) > no) ?? null;
    if (old && old.parentNode === list) old.replaceWith(item);
    else {
      old?.remove();
      list.insertBefore(item, next);
    }
    if (held) item.querySelector("a")?.focus({ preventScroll: true });
    if (!old) arrived(item);
  };

  const gone = ({ no }) => {
    document.getElementById(`entry-${no}`)?.remove();
    unseen.delete(no);
    tell();
  };

  const sheet = ({ phase, status, questions, rest, sections }) => {
    document.body.dataset.phase = phase;
    ended();
    document.getElementById("status").innerHTML = status;
    document.getElementById("questions").innerHTML = questions;
    document.getElementById("rest").innerHTML = rest;
    let before = null;
    for (const { key, html } of [...sections].reverse()) {
      const here = section(key) ?? addSection(key, before);
      here.querySelector(".head").innerHTML = html;
      before = here;
    }
    const kept = new Set(sections.map((s) => s.key));
    for (const old of main.querySelectorAll("section")) {
      if (!kept.has(old.dataset.key) && !old.querySelector(".entry")) old.remove();
    }
  };

  const arrived = (item) => {
    item.classList.add("fresh");
    setTimeout(() => item.classList.remove("fresh"), 4000);
    if (follow) return item.scrollIntoView({ block: "center" });
    unseen.add(Number(item.dataset.no));
    seen.observe(item);
    tell();
  };

  const seen = new IntersectionObserver((found) => {
    for (const { isIntersecting, target } of found) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      unseen.delete(Number(target.dataset.no));
    }
    tell();
  });

  const tell = () => {
    if (!unseen.size) return news.replaceChildren();
    const button = news.querySelector("button") ?? news.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = unseen.size === 1 ? "1 new answer" : `${unseen.size} new answers`;
    button.onclick = () => document.getElementById(`entry-${Math.min(...unseen)}`)?.scrollIntoView({ block: "center" });
  };

  const says = (words, on) => {
    live.textContent = words;
    live.classList.toggle("on", on);
  };

  // After the hour the page goes on following what is edited and removed, and says nothing of it.
  const ended = () => {
    const over = ["late", "over"].includes(document.body.dataset.phase);
    live.hidden = label.hidden = over;
    if (over) follow = box.checked = false;
  };

  const label = document.createElement("label");
  label.className = "follow";
  const box = label.appendChild(document.createElement("input"));
  box.type = "checkbox";
  label.append("Follow the newest");
  box.onchange = () => {
    follow = box.checked;
    const newest = [...main.querySelectorAll(".entry")].sort((a, b) => b.dataset.no - a.dataset.no)[0];
    if (follow) newest?.scrollIntoView({ block: "center" });
    unseen.clear();
    tell();
  };
  live.after(label);
  ended();

  const again = (longest) => setTimeout(() => location.reload(), 500 + Math.random() * longest);
  const stream = new EventSource(`/events?after=${document.body.dataset.event}`);
  const on = (kind, act) =>
    stream.addEventListener(kind, ({ data }) => {
      const event = JSON.parse(data);
      if (event.chat === chat) inPlace(() => act(event));
    });
  on("entry", entry);
  on("gone", gone);
  on("sheet", sheet);
  stream.addEventListener("reset", () => {
    stream.close();
    again(3000); // everybody else does so too
  });
  stream.onopen = () => says("live", true);
  stream.onerror = () => {
    says("connecting again …", false);
    if (stream.readyState === EventSource.CLOSED) again(30000);
  };
})();
