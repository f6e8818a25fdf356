// Which metrics belong together, and in what order they are read.

const TRIAD = ["context_relevance", "groundedness", "answer_relevance"];
const RETRIEVAL = /^(recall|precision|mrr|ndcg|hit|map)/i;
const MOST_LINES = 6;

/** The metrics of some runs by group, only those between 0 and 1 that any run has. */
export function groups(runs) {
  const present = [...new Set(runs.flatMap((run) => Object.keys(run.metrics).filter((name) => inUnit(run.metrics[name]))))].sort();
  const triad = TRIAD.filter((name) => present.includes(name));
  const retrieval = present.filter((name) => RETRIEVAL.test(name)).slice(0, MOST_LINES);
  const rest = present.filter((name) => !triad.includes(name) && !RETRIEVAL.test(name)).slice(0, MOST_LINES);
  return [
    { title: "Answers: the RAG triad", metrics: triad },
    { title: "Retrieval", metrics: retrieval },
    { title: "Other", metrics: rest },
  ].filter(({ metrics }) => metrics.length > 0);
}

const inUnit = (value) => typeof value === "number" && value >= 0 && value <= 1;

/** All metric names of a run, the triad first. */
export function ordered(names) {
  return [...TRIAD.filter((name) => names.includes(name)), ...names.filter((name) => !TRIAD.includes(name)).sort()];
}
