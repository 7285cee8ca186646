"""Shadow, release and automatic rollback with nothing stood in for.

Kafka, Redis, the stream, a worker on vLLM, messages by `sentistream replay`, the trainer's commands as processes, real
adapters of the shipped model in a registry on disk, and people who correct.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from schemas.adapter import AdapterMetadata, weights_sha256
from sentistream.embedded import EmbeddedKafka, EmbeddedRedis
from sentistream.embedded.ports import kept_ports
from tests.conftest import TopicsFactory
from tests.trainer.live_rig import MODEL, SLANG, Deployment, meant, never, scores
from tests.waiting import wait_for
from trainer.corpora.conversation import Conversation, LabelledTurn
from trainer.examples import ExampleBuilder
from trainer.lora.recipe import Recipe
from trainer.lora.train import train_adapter
from trainer.outcome import Outcome

pytestmark = [pytest.mark.soak, pytest.mark.vllm, pytest.mark.kafka, pytest.mark.timeout(600)]

LABELLED = 160
COMPARED = 40
JUDGED = 60
#: What a test may ease: a few held-out messages, two cores that others use too, and a candidate of a few steps.
GATE = {
    "TRAINER_GATE_MIN_MESSAGES": "15",
    "TRAINER_GATE_TIME_RISE": "20",
    "TRAINER_GATE_CALIBRATION_ERROR": "1",
    "TRAINER_GATE_INVALID_RISE": "1",
}


@pytest.fixture
def deployed(kafka: EmbeddedKafka, redis_server: EmbeddedRedis, topics: TopicsFactory, tmp_path: Path) -> Deployment:
    return Deployment(kafka.connection, redis_server.url, topics(2), tmp_path)


def refresh(deployed: Deployment) -> Outcome:
    """`sentistream trainer run` on two processes, with the shadow before the release."""
    quick = Recipe.load("sentixrl").model_dump(mode="json") | {"epochs": 3, "batch_size": 16, "micro_batch": 16}
    recipe = deployed.folder / "quick.yaml"
    recipe.write_text(yaml.safe_dump(quick))
    shadow = {"TRAINER_SHADOW_MESSAGES": str(COMPARED), "TRAINER_SHADOW_SECONDS": "120"}
    given = {"TRAINER_RECIPE": str(recipe), "TRAINER_PROCESSES": "2", **shadow, **GATE}
    said = deployed.run("trainer", "run", "--json", **given)
    return Outcome.model_validate_json(said.strip().splitlines()[-1])


def publish_a_bad_one(deployed: Deployment, version: str) -> None:
    """An adapter that was taught one label for everything, put into the registry by hand."""
    turns = [
        Conversation(f"bad{number}", "en", "meld", (LabelledTurn("ana", f"so {word} then", "disgust"),))
        for number, word in enumerate(list(SLANG) * 8)
    ]
    examples = list(ExampleBuilder(deployed.profile, deployed.builders.tokenizer).examples(turns))
    made = Recipe.load("plain").model_copy(update={"epochs": 4, "batch_size": 16, "micro_batch": 16})
    out = deployed.folder / "bad"
    train_adapter(deployed.base, made, examples, [], deployed.folder / "bad-work", out)
    metadata = AdapterMetadata(
        model=MODEL,
        version=version,
        base_sha256=weights_sha256(deployed.base),
        temperature=1.0,
        threshold=0.0,
        made_at=datetime.now(UTC),
    )
    deployed.registry.publish(out, metadata, None)


def test_a_candidate_is_shadowed_released_and_rolled_back_when_people_correct_it(deployed: Deployment) -> None:
    with deployed:
        began = time.monotonic()
        first = deployed.replay(LABELLED)
        assert scores(first)["versions"] == {None}
        deployed.people_say(first, meant, "ann", "bob")
        with deployed.flowing():
            outcome = refresh(deployed)
            assert outcome.status == "released", outcome.reason
            good = str(outcome.version)
            deployed.wait_for_version(good)
        report = json.loads((deployed.folder / "registry" / MODEL / good / "gate" / "shadow.json").read_bytes())
        assert (report["candidate"], report["live"], report["compared"]) == (good, {"base": COMPARED}, COMPARED)
        assert report["left_out"]["hash_mismatch"] == 0

        second = deployed.replay(JUDGED)
        assert scores(second) == {"right": pytest.approx(1.0, abs=0.2), "versions": {good}}
        deployed.people_say(second, meant)

        bad = "20990101T000000Z-bad0"
        publish_a_bad_one(deployed, bad)
        (port,) = kept_ports(deployed.folder / "watch.ports.json", 1)
        watching = {"TRAINER_WATCH_PORT": str(port), "TRAINER_WATCH_SECONDS": "1"}
        with deployed.running("trainer", "watch", log="watch.log", **watching), deployed.flowing():
            out = deployed.folder / "shadow"
            limits = {"TRAINER_SHADOW_MESSAGES": str(COMPARED), "TRAINER_SHADOW_SECONDS": "120"}
            deployed.run("trainer", "shadow", "--adapter", bad, "--out", str(out), **limits)
            report = json.loads((out / "shadow.json").read_bytes())
            assert (report["live"], report["compared"]) == ({good: COMPARED}, COMPARED)
            assert report["agreement"] < 0.5
            assert report["left_out"]["hash_mismatch"] == 0

            deployed.run("adapters", "release", bad, "--reason", "whatever the gate would say")
            deployed.wait_for_version(bad)
            wait_for(
                lambda: sum(one.adapter == bad and one.label is not None for one in deployed.events()) >= JUDGED,
                "enough events by the new version",
            )
            deployed.people_say([one for one in deployed.events() if one.adapter == bad], never)
            back = deployed.wait_for_version(good)
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                assert b"sentistream_trainer_automatic_rollbacks_total 1.0" in answer.read()

        assert back.label == meant(back)
        decided = deployed.releases.live(MODEL)
        assert decided is not None
        assert (decided.version, decided.status) == (good, "rolled_back")
        assert "people corrected" in str(decided.reason)
        assert [one.status for one in deployed.releases.history(MODEL)] == ["released", "released", "rolled_back"]
        assert "release_rolled_back" in (deployed.folder / "watch.log").read_text()
        print(f"{time.monotonic() - began:.0f} s")  # noqa: T201 - for whoever weighs the soak
