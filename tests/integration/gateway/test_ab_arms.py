"""A share of the questions is answered as an A/B test's trial says, at both doors; the others as before."""

from typing import Any

import httpx
import pytest
from assay_core.ab_tests import ABPlan, ABState, Arm
from assay_core.answers import AnswerRequest
from assay_core.documents import TenantId
from assay_core.search import Mode
from assay_gateway import arms
from assay_gateway.first_run import ADMINISTRATOR
from assay_store import ab_tests, collections

from .test_questions import ASK, CHAT, EVENTS, script

pytestmark = pytest.mark.integration
CONTROL = {"prompt": "", "mode": "hybrid", "rerank": True, "top_k": 5}
TRIAL = {"prompt": "cite.v1", "mode": "dense", "rerank": False, "top_k": 7}


def begin(door: Any, *, share: float) -> str:
    with door.database.transaction() as connection:
        collection = collections.get(connection, ADMINISTRATOR, "handbook").id
        plan = ABPlan("r" * 32, share=share)
        return ab_tests.start(connection, collection, plan, control=CONTROL, trial=TRIAL, by="admin").id


async def ask(door: Any, admin: httpx.AsyncClient, way: str, **more: object) -> AnswerRequest:
    script(door, *EVENTS)
    chat = {"model": "handbook", "messages": [{"role": "user", "content": "How many days?"}]}
    body = chat if way == CHAT else {"question": "How many days?", **more}
    assert (await admin.post(way, json=body)).status_code == 200
    return door.generator.requests[-1][1]


def as_answered(asked: AnswerRequest) -> dict[str, object]:
    return {"prompt": asked.prompt, "mode": asked.mode.value, "rerank": asked.rerank, "top_k": asked.top_k}


@pytest.mark.parametrize("way", [ASK, CHAT])
async def test_each_question_is_drawn_for_itself(
    door: Any, admin: httpx.AsyncClient, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await ask(door, admin, way)).assigned is None
    test = begin(door, share=0.25)
    for draw, arm, settings in ((0.249, Arm.TRIAL, TRIAL), (0.25, Arm.CONTROL, CONTROL), (0.0, Arm.TRIAL, TRIAL)):
        monkeypatch.setattr(arms, "drawn", lambda draw=draw: draw)
        asked = await ask(door, admin, way)
        assert asked.assigned is not None
        assert (asked.assigned.test, asked.assigned.arm) == (test, arm)
        assert as_answered(asked) == settings


async def test_what_the_asker_chose_holds_in_both_arms(
    door: Any, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(door, share=0.5)
    monkeypatch.setattr(arms, "drawn", lambda: 0.0)
    asked = await ask(door, admin, ASK, top_k=3)
    assert (asked.top_k, asked.mode) == (3, Mode.DENSE)


async def test_the_share_is_drawn_and_ends_with_the_test(door: Any, admin: httpx.AsyncClient) -> None:
    test = begin(door, share=0.5)
    with door.database.transaction() as connection:
        ways = [arms.asked_of(connection, ADMINISTRATOR, "handbook")[1] for _ in range(400)]
        trials = sum(way.assigned is not None and way.assigned.arm is Arm.TRIAL for way in ways)
        assert 120 < trials < 280  # outside once in 10^15 times
        ab_tests.end(connection, TenantId("default"), test, ABState.STOPPED, reason="enough", by="admin")
    asked = await ask(door, admin, ASK)
    assert asked.assigned is None
    assert as_answered(asked) == CONTROL
