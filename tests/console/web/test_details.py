"""What the views tell when somebody looks closer: a turn's details, the lines of a chart, a version, an alert."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from playwright.sync_api import Locator, Page

from console.api import models as m
from tests.console.web import believable, believable_rest
from tests.console.web.conftest import OpenPage, settled
from tests.console.web.fixture_api import Stage
from tests.console.web.test_views import turn_to

SERIES = "() => echarts.getInstanceByDom(document.querySelector('.chart')).getOption().series"


def flipped(stage: Stage) -> m.EventDetail:
    """A turn of two rounds that two people labelled, in the world."""
    one = next(one for one in stage.world.events if one.flipped)
    words = (("mei", "anger"), ("jonas", None))
    labels = tuple(believable_rest.given(stage.world, label, who) for who, label in words)
    changed = one.model_copy(update={"labels": labels})
    events = tuple(changed if other is one else other for other in stage.world.events)
    stage.world = replace(stage.world, events=events)
    return changed


def section(turn: Locator, name: str) -> Locator:
    """A part of a turn's details by its heading."""
    return turn.locator("section").filter(has=turn.page.get_by_role("heading", name=name, exact=True))


def lines(page: Page) -> list[dict[str, Any]]:
    """The chart's series, once it is drawn."""
    page.wait_for_function(f"() => {{ try {{ return ({SERIES})().length > 0; }} catch {{ return false; }} }}")
    found: list[dict[str, Any]] = page.evaluate(
        f"() => ({SERIES})().map(one => ({{ name: one.name, line: JSON.stringify(one.lineStyle), "
        "speakers: [...new Set(one.data.map(point => point.turn.speaker))] }))"
    )
    return found


def test_a_turn_tells_why_it_has_its_label(open_page: OpenPage, stage: Stage) -> None:
    one = flipped(stage)
    page = settled(open_page(f"conversations/{one.conversation_id}"))
    turn = page.locator(".turn").filter(has=page.locator("code", has_text=one.event_id)).first
    turn.get_by_text("Why this label?").click()

    rounds = section(turn, "The negotiation").locator(".round")
    assert rounds.count() == len(one.rounds) == 2
    for shown, said in zip(rounds.all(), one.rounds, strict=True):
        generator, discriminator = shown.locator(".role").all_inner_texts()
        assert generator.split()[:2] == ["G", said.generator.label]
        assert said.discriminator is not None
        assert discriminator.split()[:2] == ["D", said.discriminator.label]
    verdicts = [shown.locator(".chip").inner_text() for shown in rounds.all()]
    assert verdicts == ["disagreed", "agreed"]

    scores = section(turn, "Scores").locator("li").all_inner_texts()
    expected = sorted(one.scores, key=lambda name: -one.scores[name])
    assert [line.split()[0] for line in scores] == expected
    assert scores[0].split()[-1] == f"{one.scores[expected[0]]:.0%}"

    assert one.deduction is not None
    deduction = section(turn, "What the model read between the lines").locator("dd")
    assert deduction.all_inner_texts() == list(one.deduction.model_dump().values())
    people = [" ".join(one.split()) for one in section(turn, "What people said").locator("li").all_inner_texts()]
    assert all(line.startswith(said) for line, said in zip(people, ("anger mei", "taken back jonas"), strict=True))


def test_each_speaker_has_a_line_and_a_name_of_its_own(open_page: OpenPage, stage: Stage) -> None:
    page = settled(open_page("conversations/room-3"))
    expected = {
        one.speaker for one in stage.world.events if one.conversation_id == "room-3" and one.valence is not None
    }
    assert {one["name"] for one in lines(page)} == expected

    crowd = [f"somebody from the support team, desk {number}" for number in range(1, 13)]
    last = stage.world.events[-1]
    turns = [
        believable.event(number, last.sent_at + timedelta(seconds=number), conversation="crowd").model_copy(
            update={"speaker": crowd[number % len(crowd)], "valence": 0.5}
        )
        for number in range(1000, 1024)
    ]
    stage.extra += turns
    turn_to(page, "conversations/crowd").locator(".turn").nth(23).wait_for()
    found = lines(page)
    assert sorted(one["speakers"][0] for one in found) == sorted(crowd)
    assert all(len(one["speakers"]) == 1 for one in found)
    assert len({one["name"] for one in found}) == len({one["line"] for one in found}) == len(crowd)


def test_a_version_tells_what_the_gate_said_and_what_it_labelled(open_page: OpenPage, stage: Stage) -> None:
    adapters = believable_rest.adapters(stage.world)
    page = settled(open_page("model"))
    for version in adapters.versions:
        sheet = page.locator(".version").filter(has=page.locator("strong", has_text=version.version))
        if version.gate is None:
            assert sheet.locator(".gate").count() == 0
            continue
        sheet.get_by_text("Gate report over").click()
        verdicts = sheet.locator(".gate-rules .chip").all_inner_texts()
        assert verdicts == ["kept" if rule.passed else "broken" for rule in version.gate.rules]
        # What speaks against it is told above the report too.
        broken = sum(not rule.passed for rule in version.gate.rules)
        assert sheet.locator(".reasons li").count() == broken == (not version.gate.released)
        assert sheet.locator(".chip").first.inner_text() == ("live" if version.live else "gate refused")
    rows = page.get_by_role("region", name="Which version labelled what").locator("tbody tr").all_inner_texts()
    assert [" ".join(row.split()[:1]) for row in rows] == ["20260301T031500Z-3f2a", "the"]
    for row, done in zip(rows, adapters.labelled, strict=True):
        assert str(done.events) in row.split()
        assert f"{done.unlabelled / done.events:.1%}" in row


def test_an_alert_tells_how_far_its_webhook_came(open_page: OpenPage) -> None:
    page = settled(open_page("alerts"))
    sent, waiting = page.locator(".alert").all()
    assert sent.locator(".deliveries").inner_text().split("·")[0].split() == ["sent", "team"]
    assert "2 attempts" in sent.inner_text()
    assert "HTTP 503" not in sent.inner_text()
    assert waiting.locator(".deliveries").inner_text().split("·")[0].split() == ["to", "be", "sent", "team"]
    assert "HTTP 503" in waiting.inner_text()
    assert "over" in waiting.inner_text()


def test_a_platforms_own_labels_have_colours_and_shapes_of_their_own(open_page: OpenPage, stage: Stage) -> None:
    own = ["Bored", "sarcastic", "hangry", "relieved", "curious", "smug", "wistful", "giddy"]
    stage.own_labels = tuple(own)
    last = stage.world.events[-1]
    stage.extra += [
        believable.event(number, last.sent_at + timedelta(seconds=number)).model_copy(
            update={"label": name, "status": "labelled", "text": f"it is {name}"}
        )
        for number, name in enumerate(own, 1000)
    ]
    page = open_page("live")
    looks = []
    for name in own:
        badge = page.locator(".row", has_text=f"it is {name}").locator(".badge")
        looks.append(
            badge.evaluate(
                "one => [one.title, getComputedStyle(one.querySelector('.shape')).fill, "
                "one.querySelector('path').getAttribute('d')]"
            )
        )
    assert {title for title, _, _ in looks} == {"a label of this platform's own"}
    assert len({fill for _, fill, _ in looks}) == len({path for _, _, path in looks}) == len(own)
    charted = page.evaluate(
        "async (names) => { const { colour, family } = await import('./js/labels.js'); "
        "return names.map(name => colour(family(name))); }",
        own,
    )
    assert charted == [fill for _, fill, _ in looks]
    # What comes first on a page does not decide.
    stage.extra.reverse()
    page.reload()
    again = page.locator(".row", has_text="it is smug").locator(".badge .shape")
    assert again.evaluate("one => getComputedStyle(one).fill") == looks[own.index("smug")][1]
