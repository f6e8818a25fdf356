// The frame around every page: brand, navigation, state of the system, theme and signing out.

import { h } from "../dom.js";
import { may, preferences, session, signOut } from "../session.js";
import { icon, logo } from "./icons.js";
import { systemIndicator } from "./system-indicator.js";

const PAGES = [
  ["/ui", "Ask", "chat"],
  ["/ui/search", "Search", "search"],
  ["/ui/documents", "Documents", "documents"],
  ["/ui/sources", "Sources", "sources"],
  ["/ui/deletions", "Deletions", "deletions", "contributor", "curator"],
  ["/ui/evaluations", "Evaluations", "evaluations"],
]; // path, label, icon, and the roles that it is for, if not for all

export function buildShell({ onSignOut }) {
  const main = h("main", { id: "main", class: "page", tabindex: "-1" });
  const mine = PAGES.filter(([, , , ...roles]) => roles.length === 0 || may(...roles));
  const links = mine.map(([path, label, name]) =>
    h("li", null, h("a", { href: path, class: "nav-link", dataset: { path } }, icon(name), h("span", null, label))));
  const leave = async () => {
    await signOut().catch(() => {}); // a session that is gone already is as good as signed out
    onSignOut();
  };
  const skip = h("a", { class: "skip", href: "/ui", onclick: (event) => {
    event.preventDefault();
    main.focus();
  } }, "Skip to content");
  const shell = h("div", { class: "shell" },
    h("header", { class: "rail" },
      skip,
      h("a", { class: "brand", href: "/ui" }, logo(), h("span", null, "Assay")),
      h("nav", { "aria-label": "Pages" }, h("ul", { class: "nav" }, links)),
      h("div", { class: "rail-end" },
        systemIndicator(),
        themeToggle(),
        h("button", { type: "button", class: "icon-button", title: `Sign out ${session.me?.name ?? ""}`, "aria-label": "Sign out", onclick: leave }, icon("leave")))),
    main);
  return { shell, main };
}

export function markCurrent(path) {
  for (const link of document.querySelectorAll(".nav-link")) {
    const own = link.dataset.path;
    const current = own === "/ui" ? /^\/ui\/?$/.test(path) : path.startsWith(own);
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

const NEXT_THEME = { system: "light", light: "dark", dark: "system" };

function themeToggle() {
  const button = h("button", { type: "button", class: "icon-button theme-toggle" });
  const draw = () => {
    const theme = preferences.theme;
    const label = `Theme: ${theme === "system" ? "as the system" : theme}. Change to ${NEXT_THEME[theme]}`;
    button.replaceChildren(icon(theme));
    button.setAttribute("aria-label", label);
    button.title = label;
  };
  button.addEventListener("click", () => {
    preferences.theme = NEXT_THEME[preferences.theme];
    draw();
  });
  draw();
  return button;
}
