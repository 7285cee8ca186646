"""Each view's data, from the real app over a store with events."""

from tests.console.api.rig import Rig


def test_every_view_answers_with_data_and_without(rig: Rig, empty: Rig) -> None:
    paths = (
        "me", "taxonomies", "events", "conversations", "conversations?sort=rising", "trends", "review",
        "review?labelled=others", "labels", "agreement", "alerts", "alerts/rules", "adapters", "health", "dead-letters",
    )  # fmt: skip
    for one in (rig, empty):
        client = one.client("viewer")
        answers = {path: client.get(f"/api/v1/{path}").status_code for path in paths}
        assert set(answers.values()) == {200}, answers
