// Words and charts for what the nights of evaluation found.

import { lineChart } from "./chart.js";
import { date, plural, score } from "./format.js";

export const SURPRISING = 0.01; // as the nights take it: they test every night, so they ask for more than 0.05
const RECALL_FLOOR = 0.95;
const SEVERITIES = ["alarm", "warning", "note"];

const WORDS = {
  "index.recall@10": "Index recall@10 against exact search",
  "index.missing": "Passages missing from the index",
  "index.chunks": "Live passages",
  "cache.audited": "Answers from the cache that were asked again",
  "cache.wrong": "Of them, not what a fresh answer says",
  cache_hit_rate: "Share of answers from the cache",
  cache_wrong_hit_rate: "Share of wrong answers from the cache",
};
const DRIFT = { questions: "Drift of questions (MMD²)", documents: "Drift of new passages (MMD²)", outcomes: "Drift of how answers end" };

/** "drift.questions.p" → "Drift of questions (MMD²), p" */
export function figureWords(name) {
  if (WORDS[name]) return WORDS[name];
  const p = name.endsWith(".p");
  const what = name.replace(/^drift\./, "").replace(/\.p$/, "");
  const scorer = /^scores\.(.+)/.exec(what)?.[1];
  const told = scorer ? `Drift of the best passage’s score, ${scorer} (PSI)` : (DRIFT[what] ?? name.replace(/\.p$/, ""));
  return p ? `${told}, p` : told;
}

export const figureValue = (value) => (Number.isInteger(value) ? String(value) : score(value));
export const nightPath = ({ collection, night }) => `/ui/evaluations/nights/${encodeURIComponent(collection)}/${night}`;
export const nightTime = (night) => new Date(`${night}T00:00:00`);

/** The gravest severity of its remarks, or "quiet". */
export const gravest = ({ remarks }) => SEVERITIES.find((severity) => remarks.some((remark) => remark.severity === severity)) ?? "quiet";

/** "1 alarm, 2 warnings" */
export function remarkCounts({ remarks }) {
  const counts = SEVERITIES.map((severity) => [severity, remarks.filter((remark) => remark.severity === severity).length]);
  return counts.filter(([, n]) => n > 0).map(([severity, n]) => plural(n, severity)).join(", ") || "nothing to say";
}

/** Charts of figures over nights of one collection; only those that any night has. */
export function nightCharts(nights, { signal, onChoose }) {
  const oldestFirst = [...nights].sort((a, b) => a.night.localeCompare(b.night));
  const points = (name, more = () => ({})) => oldestFirst.filter(({ figures }) => typeof figures[name] === "number")
    .map((night) => ({ x: nightTime(night.night), y: night.figures[name], ...more(night.figures) }));
  const surprise = (name) => ({ [`${name}.p`]: p }) => (p === undefined ? {} : { note: `p = ${score(p)}`, strong: p < SURPRISING });
  const drifts = (names) => names.map((name) => ({ name: name.replace(/^drift\.(scores\.)?/, ""), points: points(name, surprise(name)) }));
  const present = [...new Set(nights.flatMap(({ figures }) => Object.keys(figures)))].sort();
  const ringed = "A ring marks a night that chance explains in less than one case of a hundred.";
  const recall = points("index.recall@10");
  const lowest = Math.min(...recall.map(({ y }) => y), RECALL_FLOOR);
  const share = ({ "cache.wrong": wrong, "cache.audited": audited }) => ({ note: `${wrong ?? 0} of ${audited}` });
  return [
    { title: "Index recall@10 against exact search", series: [{ name: "recall@10", points: recall }], domain: [lowest < 0.8 ? 0 : 0.8, 1], floor: { value: RECALL_FLOOR, label: "expected: 0.95" } },
    { title: "Passages missing from the index", series: [{ name: "missing", points: points("index.missing") }] },
    { title: "Drift of questions (MMD²)", hint: ringed, series: drifts(present.filter((name) => name === "drift.questions")) },
    { title: "Drift of new passages (MMD²)", hint: ringed, series: drifts(present.filter((name) => name === "drift.documents")) },
    { title: "Drift of the best passage’s score (PSI)", hint: ringed, series: drifts(present.filter((name) => /^drift\.scores\.(?!.*\.p$)/.test(name))) },
    { title: "How answers end: p of a change", hint: "Low is surprising: below 0.01 answers end otherwise than before.", domain: [0, 1], series: [{ name: "p", points: points("drift.outcomes.p", ({ "drift.outcomes.p": p }) => ({ strong: p < SURPRISING })) }] },
    { title: "Share of wrong answers from the cache", series: [{ name: "wrong", points: points("cache_wrong_hit_rate", share) }] },
  ].map(({ series, ...rest }) => ({ ...rest, series: series.filter((line) => line.points.length > 0) }))
    .filter(({ series }) => series.length > 0)
    .map((given) => lineChart({ ...given, signal, onChoose, noun: "night", when: date }));
}
