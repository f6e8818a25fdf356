"""The indexer is killed while it fills another index, and while documents go in."""

import time

import pytest
from assay_core.documents import CollectionId, TenantId
from assay_core.index_profiles import IndexProfile
from assay_store import pipeline
from assay_testing.crash.processes import wait_for
from assay_testing.crash.world import API_KEY, COLLECTION, World, dense_index
from assay_wire.clients import AssayClient

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NEW = "flat"


def test_a_generation_holds_everything_although_its_indexer_is_killed_again_and_again(module_world: World) -> None:
    world, driver = module_world, module_world.driver()
    for _ in range(30):
        driver.upload()
    world.rest()
    with AssayClient(base_url=world.base_url, api_key=API_KEY) as client:
        number = client.build_index(COLLECTION, NEW).number
        for _ in range(4):
            world.processes.kill("indexer")
            driver.upload()
            time.sleep(0.4)
        wait_for(lambda: _state(client, number) == "ready", timeout_s=180, what="The new generation")
        world.rest()
        ((tenant, collection),) = world.sql(f"SELECT tenant, id FROM collections WHERE name = '{COLLECTION}'")
        identity = CollectionId(TenantId(str(tenant)), str(collection))
        with world.database.transaction() as connection:
            live = [one.row.chunk for one in pipeline.live_rows(connection, identity, after="", limit=10_000)]
        assert len(live) >= 34
        for kind in ("hnsw", NEW):
            index = dense_index(world.servers.env, IndexProfile.parse(kind))
            assert index.count(identity, live).missing == ()
        client.drop_index(COLLECTION)
    assert world.all_incidents() == []


def _state(client: AssayClient, number: int) -> str:
    return next(one.state for one in client.index_generations(COLLECTION) if one.number == number)
