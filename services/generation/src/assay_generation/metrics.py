"""What to count of answers. Labels come from closed sets."""

from prometheus_client import Counter, Gauge, Histogram

OUTCOMES = Counter("assay_answers_total", "Answers by outcome.", ["outcome", "finish_reason"])
MARKS = Counter("assay_citation_marks_total", "Citation marks that the model wrote, by what became of them.", ["fate"])
WITHHELD = Counter(
    "assay_sentences_withheld_total", "Sentences of the model that were not shown, by verdict.", ["verdict"]
)
CACHE = Counter("assay_answer_cache_total", "Look-ups in the answer cache.", ["result"])
FIRST_TOKEN_SECONDS = Histogram(
    "assay_first_token_seconds",
    "From the prompt to the model's first token.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32),
)
IN_FLIGHT = Gauge("assay_answers_in_flight", "Answers being made.")
ORDERS = Counter(
    "assay_orders_left_out_total", "Sentences of sources that order the answerer about, by kind.", ["kind"]
)
