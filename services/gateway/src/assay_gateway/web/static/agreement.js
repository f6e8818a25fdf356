// How far the judge's verdicts agree with the labels that people gave the same sentences.

const CLASSES = ["supported", "contradicted", "not_enough"];
const AS_LABEL = { supported: "supported", contradicted: "contradicted", unsupported: "not_enough" };
const Z = 1.96; // of a 95 % interval
const BINS = 10; // of equal width, as `assay eval judges` has them

/**
 * `claims`: LabelledClaims of the API. A sentence that the judge could not check counts as a failure and in no figure.
 * `table[label][verdict]` counts sentences; `perClass` has precision, recall and F1, null where nothing tells.
 */
export function agreement(claims) {
  const judged = claims.filter(({ verdict }) => AS_LABEL[verdict]);
  const table = Object.fromEntries(CLASSES.map((label) => [label, Object.fromEntries(CLASSES.map((verdict) => [verdict, 0]))]));
  for (const { label, verdict } of judged) table[label][AS_LABEL[verdict]] += 1;
  const n = judged.length;
  const same = CLASSES.reduce((sum, name) => sum + table[name][name], 0);
  const rows = (name) => CLASSES.reduce((sum, other) => sum + table[name][other], 0);
  const columns = (name) => CLASSES.reduce((sum, other) => sum + table[other][name], 0);
  const byChance = n === 0 ? null : CLASSES.reduce((sum, name) => sum + rows(name) * columns(name), 0) / n ** 2;
  return {
    n, table, failures: claims.length - n, classes: CLASSES,
    share: n === 0 ? null : same / n, interval: wilson(same, n),
    kappa: n === 0 || byChance === 1 ? null : (same / n - byChance) / (1 - byChance),
    perClass: CLASSES.map((name) => ({ name, labelled: rows(name), ...quality(table[name][name], columns(name), rows(name)) })),
  };
}

function quality(hits, said, labelled) {
  const share = (whole) => (whole === 0 ? null : hits / whole);
  return { precision: share(said), recall: share(labelled), f1: said + labelled === 0 ? null : (2 * hits) / (said + labelled) };
}

/** Wilson's interval of a share, which also holds for few sentences. */
function wilson(hits, n) {
  if (n === 0) return null;
  const p = hits / n;
  const middle = p + Z ** 2 / (2 * n);
  const half = Z * Math.sqrt((p * (1 - p)) / n + Z ** 2 / (4 * n ** 2));
  return [(middle - half) / (1 + Z ** 2 / n), (middle + half) / (1 + Z ** 2 / n)];
}

/**
 * The figures of `assay eval judges` for what the judge said when answers were written: is a sentence not supported?
 * Several people's labels of a sentence are decided by the majority. What they disagree on (`ties`), what had no
 * passages (`bare`) and what could not be judged (`failures`) is in no figure. `pairs` are two people's labels of one
 * sentence, `agreeing` of them alike. `bins`: how often sentences were labelled so that the judge was about so sure of.
 */
export function decisions(claims) {
  const bySentence = {};
  for (const each of claims) (bySentence[`${each.answer}/${each.claim}`] ??= []).push(each);
  const sentences = Object.values(bySentence).map((given) => {
    const votes = given.map(({ label }) => Number(label !== "supported"));
    return { votes, against: votes.reduce((a, b) => a + b, 0), ...given[0] };
  });
  const clear = sentences.filter(({ votes, against }) => 2 * against !== votes.length);
  const backed = clear.filter(({ sources }) => sources.some((source) => source.trim()));
  const judged = backed.filter(({ probability }) => probability !== null && probability !== undefined);
  const cases = judged.map(({ votes, against, probability }) => ({ truth: Number(2 * against > votes.length), said: 1 - probability }));
  const among = (count) => (count * (count - 1)) / 2;
  const sum = (parts) => parts.reduce((a, b) => a + b, 0);
  return {
    n: cases.length, ties: sentences.length - clear.length, bare: clear.length - backed.length, failures: backed.length - judged.length,
    pairs: sum(sentences.map(({ votes }) => among(votes.length))),
    agreeing: sum(sentences.map(({ votes, against }) => among(against) + among(votes.length - against))),
    figures: cases.length === 0 ? null : figuresOf(cases), bins: binsOf(cases),
  };
}

function figuresOf(cases) {
  const number = (truth, decided) => cases.filter((one) => one.truth === truth && (one.said >= 0.5) === decided).length;
  const [hits, misses, alarms, passes] = [number(1, true), number(1, false), number(0, true), number(0, false)];
  const share = (part, whole) => (whole === 0 ? 0 : part / whole);
  const [positive, negative, n] = [hits + misses, alarms + passes, cases.length];
  const both = positive > 0 && negative > 0;
  const chance = (positive * (hits + alarms) + negative * (passes + misses)) / n ** 2;
  return {
    precision: share(hits, hits + alarms), recall: share(hits, positive), f1: share(2 * hits, 2 * hits + alarms + misses),
    balancedAccuracy: both ? (hits / positive + passes / negative) / 2 : null,
    kappa: both ? ((hits + passes) / n - chance) / (1 - chance) : null,
    auc: both ? areaBelow(cases) : null,
    ece: binsOf(cases).reduce((gap, bin) => gap + bin.n * Math.abs(bin.said - bin.share), 0) / n,
    brier: cases.reduce((error, { said, truth }) => error + (said - truth) ** 2, 0) / n,
  };
}

/** Share of pairs of one that is supported and one that is not which are in order, ties counting half. */
function areaBelow(cases) {
  const of = (truth) => cases.filter((one) => one.truth === truth).map(({ said }) => said);
  const [positive, negative] = [of(1), of(0)];
  const inOrder = positive.reduce((all, a) => all + negative.reduce((some, b) => some + (a > b ? 1 : a === b ? 0.5 : 0), 0), 0);
  return inOrder / (positive.length * negative.length);
}

function binsOf(cases) {
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  return Array.from({ length: BINS }, (_, number) => {
    const inside = cases.filter(({ said }) => Math.min(Math.floor(said * BINS), BINS - 1) === number);
    return { from: number / BINS, to: (number + 1) / BINS, n: inside.length, said: mean(inside.map(({ said }) => said)), share: mean(inside.map(({ truth }) => truth)) };
  }).filter(({ n }) => n > 0);
}
