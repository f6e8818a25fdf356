from assay_embedded.backoff import Backoff


def test_waits_double_up_to_the_limit() -> None:
    backoff = Backoff(first_s=1, limit_s=5)
    assert [backoff.next_s(ran_s=0) for _ in range(5)] == [1, 2, 4, 5, 5]


def test_a_part_that_ran_well_starts_from_the_beginning() -> None:
    backoff = Backoff(first_s=1, limit_s=30, forgive_after_s=60)
    backoff.next_s(ran_s=0)
    backoff.next_s(ran_s=0)
    assert backoff.next_s(ran_s=61) == 1


def test_a_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff(failures=100_000)
    assert backoff.next_s(ran_s=0) == backoff.limit_s
