"""Health where nobody can tell how a part is: said as such, never called well, in both languages."""

from collections.abc import Sequence
from unittest.mock import patch

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from console.ports import GroupLag
from console.store.progress_tables import Lease
from tests.console.api.rig import Rig
from tests.console.web.conftest import OpenPage, settled
from tests.console.web.fixture_api import Stage
from tests.console.web.test_real_app import real, signed_in  # noqa: F401 - fixtures
from tests.console.web.test_views import turn_to

#: Locale, what the pill says, the state, and the names of worker and stream.
LANGUAGES = [
    pytest.param("en-GB", "State unknown", "unknown", "Worker", "Stream", id="en"),
    pytest.param("zh-CN", "状态未知", "未知", "工作进程", "消息流", id="zh"),
]


def part(page: Page, name: str) -> str:
    """All that is said of one part."""
    return page.locator(".part").filter(has=page.get_by_role("heading", name=name, exact=True)).inner_text()


@pytest.mark.parametrize(("locale", "pill", "unknown", "worker", "stream"), LANGUAGES)
def test_a_service_that_kafka_does_not_show_is_unknown_and_the_others_are_what_they_are(
    open_page: OpenPage, stage: Stage, locale: str, pill: str, unknown: str, worker: str, stream: str
) -> None:
    stage.unseen = "worker"
    page = settled(open_page("health", locale=locale))
    expect(page.locator("#stream-state")).to_have_text(pill)
    banner = page.locator(".health-banner").inner_text()
    assert pill in banner
    assert worker in banner
    said = part(page, worker)
    assert unknown in said
    # Which right lacks, and where it is to be had; no figure is made up.
    assert "Describe on group sentistream-worker" in said
    assert "deploy/acls/console.sh" in said
    assert said.count("–") == 3
    assert unknown not in part(page, stream)


@pytest.mark.parametrize(("locale", "pill", "unknown", "worker", "stream"), LANGUAGES)
def test_without_kafka_nobody_is_called_well(
    open_page: OpenPage, stage: Stage, locale: str, pill: str, unknown: str, worker: str, stream: str
) -> None:
    del pill
    stage.unseen = "kafka"
    page = settled(open_page("health", locale=locale))
    assert "Kafka" in page.locator(".health-banner.down").inner_text()
    kafka = page.locator(".part.state-down").filter(has=page.get_by_role("heading", name="Kafka", exact=True))
    kafka.wait_for()
    for name in (worker, stream):
        assert unknown in part(page, name)


def silent_store() -> Sequence[GroupLag]:
    """Kafka has no offset of the store, and no process holds the lease to fill it."""
    return [
        GroupLag("streams", "sentistream-streams", "chat.messages", 1, 0, 0.0),
        GroupLag("worker", "sentistream-worker", "sanm.requests", 1, 0, 0.0),
        GroupLag("store", "sentistream-store", "emotion.events", None, 42, 8.0),
    ]


def test_a_store_that_never_reported_is_said_to_be_missing(signed_in: tuple[Rig, Page]) -> None:  # noqa: F811
    rig, page = signed_in
    with rig.database.writing() as connection:
        connection.execute(delete(Lease))
    with patch.object(rig.outside, "lags", silent_store):
        turn_to(page, "health").get_by_text("Nobody is at work; 42 records wait.").wait_for()
        assert "Start one: sentistream store" in part(page, "Event store's reader")
        page.get_by_role("button", name="中文").click()
        settled(page).get_by_text("没有进程在工作；42 条记录在等待。").first.wait_for()
        assert "sentistream store" in part(page, "事件库读取器")
