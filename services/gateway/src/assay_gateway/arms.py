"""How a question is answered: as its collection was told to, or, in an A/B test, as the trial says."""

import secrets
from dataclasses import dataclass

from assay_core.ab_tests import Arm, Assigned
from assay_core.collection_settings import Answering, CollectionSettings
from assay_core.documents import Collection
from assay_core.principals import Principal
from assay_store import ab_tests, collections
from sqlalchemy import Connection

_FINENESS = 1_000_000


@dataclass(frozen=True, slots=True)
class Way:
    """The settings that a question is answered by, and the arm that they belong to."""

    answering: Answering
    assigned: Assigned | None = None


def drawn() -> float:
    """A number from 0 until before 1."""
    return secrets.randbelow(_FINENESS) / _FINENESS


def asked_of(connection: Connection, principal: Principal, name: str) -> tuple[Collection, Way]:
    """The collection of this name with the way to answer this question. Raises `NotFound`."""
    collection = collections.get(connection, principal, name)
    test = ab_tests.running(connection, collection.id)
    if test is None:
        return collection, Way(collection.settings.answering)
    if drawn() >= test.share:
        return collection, Way(collection.settings.answering, Assigned(test.id, Arm.CONTROL))
    tried = CollectionSettings.stored({"answering": test.trial}).answering
    return collection, Way(tried, Assigned(test.id, Arm.TRIAL))
