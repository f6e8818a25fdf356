// Client routing under /ui: one page at a time, each with a signal that is aborted when it is left.

const routes = [];
let missing = null;
let leave = new AbortController();
let outlet = null;
let afterRender = () => {};

/** `page` is a module with `render({ main, params, query, signal })`. */
export function route(pattern, title, page) {
  const names = [];
  const source = pattern.replace(/\{(\w+)\}/g, (_, name) => {
    names.push(name);
    return "([^/]+)";
  });
  routes.push({ test: new RegExp(`^${source}/?$`), names, title, page });
}

export function otherwise(title, page) {
  missing = { title, page, params: {} };
}

export function start(main, { onRender }) {
  outlet = main;
  afterRender = onRender;
  show({ focus: false });
}

export function stop() {
  leave.abort();
  outlet = null;
}

/** `state` is for the page that is shown, which finds it in `history.state`. */
export function navigate(path, { replace = false, state = null } = {}) {
  history[replace ? "replaceState" : "pushState"](state, "", path);
  show({ focus: true });
}

/** Puts the state of a page into its address without loading the page again. */
export function remember(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  history.replaceState(null, "", location.pathname + search);
}

function show({ focus }) {
  if (!outlet) return;
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const match = find(location.pathname);
  document.title = `${match.title} · Assay`;
  outlet.replaceChildren();
  outlet.scrollTop = 0;
  window.scrollTo(0, 0);
  const query = Object.fromEntries(new URLSearchParams(location.search));
  match.page.render({ main: outlet, params: match.params, query, signal });
  afterRender(location.pathname);
  if (focus) focusHeading();
}

function find(path) {
  for (const { test, names, title, page } of routes) {
    const found = test.exec(path);
    if (found) return { title, page, params: Object.fromEntries(names.map((name, i) => [name, decoded(found[i + 1])])) };
  }
  return missing;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Keyboard and screen reader users start at the new page's heading, not at the top of the old one. */
function focusHeading() {
  const heading = outlet.querySelector("h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

export function listen() {
  window.addEventListener("popstate", () => show({ focus: true }));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || link.target || event.defaultPrevented) return;
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !/^\/ui(\/|$)/.test(url.pathname)) return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  });
}
