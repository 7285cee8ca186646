"""A refresh's stages: what is done, what is not done twice, and what a run that was killed leaves behind."""

import multiprocessing
import signal
from pathlib import Path

import pytest

from tests.trainer.refresh_rig import TRAINING_STEPS, HeldLease, WorldSteps, main, make_world, refresh
from trainer.errors import LockLostError, StoppedError
from trainer.faultpoints import POINTS
from trainer.refresh import Rules
from trainer.registry.errors import OvertakenError
from trainer.run_folder import Run, all_runs
from trainer.stages import Verdict

ALL_STEPS = ["collect", "train", *(f"step {number}" for number in range(TRAINING_STEPS)), "judge", "publish", "release"]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return make_world(tmp_path / "world", labels=100)


def live(world: Path) -> str | None:
    return (world / "live").read_text() if (world / "live").exists() else None


def registry(world: Path) -> list[Path]:
    folder = world / "registry"
    return sorted(folder.iterdir()) if folder.exists() else []


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def test_the_first_run_goes_all_the_way_without_any_adapter_before(world: Path) -> None:
    outcome = refresh(steps := WorldSteps(world))
    assert steps.done == ALL_STEPS
    assert (outcome.status, outcome.parent, outcome.resumed) == ("released", None, False)
    assert outcome.version == live(world)
    assert outcome.labelled == 100
    assert outcome.report is not None
    assert outcome.report.exists()


def test_without_new_labels_nothing_is_done(world: Path) -> None:
    refresh(WorldSteps(world))
    outcome = refresh(steps := WorldSteps(world))
    assert (outcome.status, steps.done) == ("nothing_new", [])
    assert "0 new" in outcome.reason


def test_enough_new_labels_make_another_version_that_names_its_parent(world: Path) -> None:
    first = refresh(WorldSteps(world))
    make_world(world, labels=140)
    assert refresh(WorldSteps(world), Rules(least_news=41)).status == "nothing_new"
    second = refresh(WorldSteps(world), Rules(least_news=40))
    assert (second.status, second.parent) == ("released", first.version)
    assert live(world) == second.version


def test_a_refused_candidate_stays_out_and_is_not_made_again(world: Path) -> None:
    refused = refresh(WorldSteps(world, good=False))
    assert refused.status == "refused"
    assert refused.report is not None
    assert refused.report.exists()
    assert (live(world), registry(world)) == (None, [])
    assert refresh(steps := WorldSteps(world)).status == "nothing_new"
    assert steps.done == []
    # Another recipe may do better on the same labels.
    assert refresh(WorldSteps(world, recipe="other")).status == "released"


def test_a_candidate_that_the_gate_let_pass_is_tried_in_the_shadow_before_its_release(world: Path) -> None:
    refresh(steps := WorldSteps(world, in_shadow=True))
    assert steps.done == [*ALL_STEPS[:-2], "shadow", *ALL_STEPS[-2:]]
    make_world(world, labels=140)
    refresh(refused := WorldSteps(world, in_shadow=True, good=False))
    assert "shadow" not in refused.done


def test_force_trains_on_the_same_labels(world: Path) -> None:
    first = refresh(WorldSteps(world))
    again = refresh(WorldSteps(world), Rules(force=True))
    assert (again.status, again.parent) == ("released", first.version)


@pytest.mark.parametrize(("point", "nth"), [*((point, 1) for point in POINTS), ("training_step", 3)])
def test_killed_anywhere_the_next_run_finishes_and_others_never_see_half_of_it(
    world: Path, point: str, nth: int
) -> None:
    older = str(refresh(WorldSteps(world)).version)
    whole = contents(world / "registry" / older)
    make_world(world, labels=140)
    child = multiprocessing.get_context("spawn").Process(target=main, args=(str(world), point, str(nth)))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    # The old adapter is live until the record of the new one is there, and always whole.
    assert (live(world) == older) is (point != "released")
    assert contents(world / "registry" / older) == whole
    for version in registry(world):
        assert {one.name for one in version.iterdir()} == {"weights", "data"}
    made = [one.run.version for one in all_runs(world / "runs") if one.run.version != older]
    # More labels meanwhile: the run that is gone on with keeps to its own.
    make_world(world, labels=150)
    outcome = refresh(steps := WorldSteps(world))
    assert (outcome.status, outcome.parent) == ("released", older)
    assert outcome.version == live(world) != older
    assert {one.name for one in registry(world)} == {older, live(world)}
    assert contents(world / "registry" / older) == whole
    assert outcome.resumed is bool(made)
    if made:
        assert made == [outcome.version]
        assert (world / "registry" / made[0] / "weights").read_text() == "140"
    if point == "training_step":
        assert "collect" not in steps.done
        assert f"step {nth - 2}" not in steps.done
        assert f"step {nth - 1}" in steps.done


def test_a_release_that_was_rolled_back_before_its_killed_run_was_finished_stays_rolled_back(world: Path) -> None:
    older = refresh(WorldSteps(world)).version
    make_world(world, labels=140)
    child = multiprocessing.get_context("spawn").Process(target=main, args=(str(world), "released", "1"))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    worse = live(world)
    assert worse != older
    (world / "live").write_text(str(older))
    outcome = refresh(steps := WorldSteps(world))
    assert (outcome.status, outcome.version, outcome.resumed) == ("released", worse, True)
    assert steps.done == []
    assert live(world) == older


def test_a_killed_run_of_another_recipe_is_given_up(world: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=main, args=(str(world), "adapter_kept", "1"))
    child.start()
    child.join(60)
    outcome = refresh(steps := WorldSteps(world, recipe="other"))
    assert (outcome.status, outcome.resumed) == ("released", False)
    assert steps.done == ALL_STEPS


def test_a_stop_in_training_ends_the_run_which_goes_on_later(world: Path) -> None:
    stopping = WorldSteps(world)

    def stop() -> None:
        if "step 1" in stopping.done:
            raise StoppedError("asked to stop")

    with pytest.raises(StoppedError):
        refresh(stopping, stop=stop)
    assert live(world) is None
    assert refresh(steps := WorldSteps(world)).resumed
    assert steps.done[:2] == ["train", "step 2"]


@pytest.mark.parametrize("lost_after", ["step 1", "judge", "publish"])
def test_a_lost_lock_ends_the_run_before_others_see_more_of_it(world: Path, lost_after: str) -> None:
    lease = HeldLease()

    class Losing(WorldSteps):
        def judge(self, *args: object) -> object:  # type: ignore[override]
            found = super().judge(*args)  # type: ignore[arg-type]
            if lost_after == "judge":
                lease.lost.set()
            return found

        def publish(self, *args: object) -> None:
            super().publish(*args)  # type: ignore[arg-type]
            lease.lost.set()

    steps = Losing(world)

    def stop() -> None:
        if lost_after in steps.done and lost_after != "publish":
            lease.lost.set()

    with pytest.raises(LockLostError):
        refresh(steps, lease=lease, stop=stop)
    assert live(world) is None
    assert "release" not in steps.done
    assert ("publish" in steps.done) is (lost_after == "publish")


@pytest.mark.parametrize("rolled_back_at", ["train", "shadow", "publish"])
def test_a_rollback_meanwhile_keeps_back_a_candidate_that_was_compared_with_what_is_live_no_more(
    world: Path, rolled_back_at: str
) -> None:
    older = refresh(WorldSteps(world)).version
    make_world(world, labels=140)
    worse = refresh(WorldSteps(world)).version
    make_world(world, labels=180)

    class RolledBack(WorldSteps):
        """People's corrections, or a person, roll the live version back while the run is at work."""

        def _roll_back(self, at: str) -> None:
            if at == rolled_back_at:
                (self.world / "live").write_text(str(older))

        def train(self, *args: object) -> None:
            super().train(*args)  # type: ignore[arg-type]
            self._roll_back("train")

        def shadow(self, *args: object) -> None:
            super().shadow(*args)  # type: ignore[arg-type]
            self._roll_back("shadow")

        def publish(self, *args: object) -> None:
            super().publish(*args)  # type: ignore[arg-type]
            self._roll_back("publish")

    outcome = refresh(steps := RolledBack(world, in_shadow=True))
    assert (outcome.status, outcome.parent) == ("outdated", worse)
    assert str(worse) in outcome.reason
    assert str(older) in outcome.reason
    assert "release" not in steps.done
    assert ("publish" in steps.done) is (rolled_back_at == "publish")
    assert live(world) == older
    # Its labels were not decided on: the next run compares with what is live now, or is live again.
    if rolled_back_at == "shadow":
        (world / "live").write_text(str(worse))
    again = refresh(later := WorldSteps(world))
    assert (again.status, again.resumed) == ("released", False)
    assert again.parent == (worse if rolled_back_at == "shadow" else older)
    assert later.done == ALL_STEPS
    assert live(world) == again.version


def test_a_release_that_another_decision_overtakes_is_outdated(world: Path) -> None:
    class Overtaken(WorldSteps):
        def release(self, run: Run, verdict: Verdict) -> None:
            raise OvertakenError(f"v0 went live meanwhile: {run.version} {verdict.released}")

    outcome = refresh(Overtaken(world))
    assert (outcome.status, live(world)) == ("outdated", None)
    assert "v0 went live meanwhile" in outcome.reason
    again = refresh(WorldSteps(world))
    assert (again.status, again.resumed) == ("released", False)


def test_old_runs_are_dropped(world: Path) -> None:
    for labels in (100, 101, 102, 103):
        make_world(world, labels)
        refresh(WorldSteps(world), Rules(keep_runs=2))
    assert len(all_runs(world / "runs")) == 2
