// The way between the pages of evaluations.

import { h } from "../dom.js";
import { may } from "../session.js";

const TABS = [
  ["/ui/evaluations", "Runs"],
  ["/ui/evaluations/nights", "Nights"],
  ["/ui/evaluations/compare", "Comparison"],
  ["/ui/evaluations/ab-tests", "A/B tests"],
  ["/ui/evaluations/judges", "Judges", "evaluator"],
]; // path, label, and the role that it is for, if not for all

export function evaluationTabs(current) {
  const mine = TABS.filter(([, , ...roles]) => roles.length === 0 || may(...roles));
  return h("nav", { class: "tabs", "aria-label": "Evaluations" }, mine.map(([path, label]) =>
    h("a", { href: path, class: "tab", "aria-current": path === current ? "page" : null }, label)));
}
