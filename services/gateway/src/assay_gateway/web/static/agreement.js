// How far the judge's verdicts agree with the labels that people gave the same sentences.

const CLASSES = ["supported", "contradicted", "not_enough"];
const AS_LABEL = { supported: "supported", contradicted: "contradicted", unsupported: "not_enough" };
const Z = 1.96; // of a 95 % interval

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
