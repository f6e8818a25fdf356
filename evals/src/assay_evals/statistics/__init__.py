"""How sure a figure is. A file a question:

bootstrap    how sure is a mean or a difference?          permutation  would chance alone do as much?
multiple     several tests at once                        effect       how large is a difference?
power        what could this sample have found?           sequential   looking every night, or at any time
drift        have scores or embeddings moved?
"""

from assay_evals.statistics.bootstrap import Comparison, compare, compare_sets, interval, mean, percentile

__all__ = ["Comparison", "compare", "compare_sets", "interval", "mean", "percentile"]
