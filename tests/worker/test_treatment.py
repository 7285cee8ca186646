"""What a message's age and the lag make of its answer."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE
from pydantic import ValidationError

from tests.worker.kafka_rig import make_request
from worker.depth import AdaptiveDepth, DepthRule
from worker.intake import logged_s
from worker.load_settings import LoadSettings, tenant_weights
from worker.treatment import Treatment, Treatments, treatments

NOW = 2_000_000.0


def _job(age_s: float, tenant: str = "a") -> Any:
    message = SimpleNamespace(tenant=tenant)
    return SimpleNamespace(logged_s=NOW - age_s, request=SimpleNamespace(message=message))


def _over(tenant: str) -> bool:
    return tenant == "flood"


def _depth() -> AdaptiveDepth:
    return AdaptiveDepth(DepthRule(calibrated_at_s=10, one_pass_at_s=60, return_share=0.5, hold_s=0), lambda: NOW)


def test_without_an_age_limit_or_an_adaptive_depth_everything_is_answered_as_usual() -> None:
    assert treatments(LoadSettings()).of(_job(1e9), _over) == Treatment()


def test_what_is_too_old_is_refused_by_name_and_what_is_not_is_answered() -> None:
    limit = Treatments(60, clock=lambda: NOW)
    assert limit.of(_job(60), _over) == Treatment()
    found = limit.of(_job(61), _over).too_old
    assert found is not None
    assert "61 s old" in found
    assert "MAX_AGE_SECONDS is 60" in found


def test_what_is_too_old_is_answered_by_one_pass_if_the_operator_says_so() -> None:
    limit = Treatments(60, "one-pass", clock=lambda: NOW)
    assert limit.of(_job(61), _over) == Treatment("one-pass")


def test_tenants_that_stay_within_their_share_can_be_spared() -> None:
    limit = Treatments(60, spare_light=True, clock=lambda: NOW)
    assert limit.of(_job(61, "light"), _over) == Treatment()
    assert limit.of(_job(61, "flood"), _over).too_old is not None


def test_the_lag_is_the_age_of_what_came_to_the_front_or_waits_there() -> None:
    treated = Treatments(depth=_depth(), clock=lambda: NOW)
    treated.of(_job(3), _over)
    treated.look([])
    assert treated.of(_job(3), _over).policy == "paper"
    treated.of(_job(15), _over)
    treated.of(_job(1), _over)
    treated.look([])
    assert treated.of(_job(1), _over).policy == "calibrated"
    # An engine that hangs takes nothing to the front, and the lag grows all the same.
    treated.look([_job(5), _job(70)])
    assert treated.of(_job(1), _over).policy == "one-pass"
    for _ in range(4):
        treated.look([])
    assert treated.of(_job(1), _over).policy == "paper"


def test_the_age_is_told_by_the_chat_message_and_for_old_streams_by_the_request() -> None:
    then = datetime(2026, 1, 1, tzinfo=UTC)
    request_came = SimpleNamespace(timestamp=lambda: (TIMESTAMP_CREATE_TIME, 5_000))
    assert logged_s(make_request(0, 0, logged_at=then), request_came) == then.timestamp()
    assert logged_s(make_request(0, 0), request_came) == 5.0
    unknown = SimpleNamespace(timestamp=lambda: (TIMESTAMP_NOT_AVAILABLE, -1))
    assert datetime.now(UTC) - datetime.fromtimestamp(logged_s(make_request(0, 0), unknown), UTC) < timedelta(hours=1)


def test_weights_are_read_by_name() -> None:
    assert tenant_weights("acme=3, a=b=0.5,") == {"acme": 3.0, "a=b": 0.5}
    assert tenant_weights("") == {}


@pytest.mark.parametrize("text", ["acme", "acme=", "=3", "acme=0", "acme=-1", "acme=nan", "acme=inf", "acme=much"])
def test_weights_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="NAME=WEIGHT"):
        LoadSettings(tenant_weights=text)


def test_tenants_cannot_be_spared_where_they_are_not_told_apart() -> None:
    with pytest.raises(ValidationError, match="AGED_WHOSE"):
        LoadSettings(aged_whose="over-share", fair_shares=False)


def test_thresholds_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValidationError, match="must be more than"):
        LoadSettings(depth_calibrated_lag_seconds=60, depth_one_pass_lag_seconds=60)
