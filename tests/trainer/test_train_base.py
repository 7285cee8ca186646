from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import OPTForCausalLM

from prompts.profile import ModelProfile
from prompts.roles import RolePrompts
from trainer import base_training, sanm
from trainer.base_training import BaseTraining, Data
from trainer.batches import by_length, collate
from trainer.corpora import Conversation, read
from trainer.decisions import decide, loss
from trainer.errors import CheckpointError, UnknownFormatError
from trainer.fitting import fit
from trainer.metrics import OUTLIER
from trainer.mixture import FurtherCorpus, Mixture, without_overlap
from trainer.model_folder import write_model, write_profile
from trainer.policies import compare
from trainer.predict import label_logits
from trainer.rounds import negotiation
from trainer.sanm import negotiate
from trainer.settings import TrainBaseSettings
from trainer.train_base import builder_for, load_data

MakeModel = Callable[[], OPTForCausalLM]
MakeFile = Callable[[int], Path]


@pytest.fixture
def settings(tmp_path: Path, meld_file: MakeFile) -> TrainBaseSettings:
    return TrainBaseSettings(
        train_file=meld_file(60),
        dev_file=meld_file(12),
        work_folder=tmp_path / "work",
        model_folder=tmp_path / "model",
        epochs=3,
        batch_size=16,
        learning_rate=5e-3,
        averaging=0.9,
        checkpoint_steps=5,
    )


@pytest.fixture
def prepared(
    settings: TrainBaseSettings, profile: ModelProfile, tokenizer_json: str, tiny_model: MakeModel
) -> Callable[[], BaseTraining]:
    builder = builder_for(profile, tokenizer_json)
    data = load_data(settings, builder)
    return lambda: BaseTraining(settings, tiny_model(), builder.roles, data)


def roles(profile: ModelProfile, tokenizer_json: str) -> RolePrompts:
    return builder_for(profile, tokenizer_json).roles


def test_training_learns_to_label_and_to_judge(
    settings: TrainBaseSettings, profile: ModelProfile, tokenizer_json: str, tiny_model: MakeModel
) -> None:
    longer = settings.model_copy(update={"epochs": 15})
    builder = builder_for(profile, tokenizer_json)
    data = load_data(longer, builder)
    training = BaseTraining(longer, tiny_model(), builder.roles, data)
    results = [one.weighted_f1 for one in training.run()]
    assert len(results) == 15
    assert results[-1] > 0.9
    training.model.load_state_dict(training.best())
    final = negotiate(training.model, builder.roles, data.dev).final
    assert (final == [one.target for one in data.dev]).mean() > 0.9


class KilledError(Exception):
    pass


def test_a_killed_run_goes_on_to_the_same_weights(
    prepared: Callable[[], BaseTraining], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepared()
    list(whole.run())
    folder = whole._settings.work_folder
    (folder / "checkpoint.pt").unlink()

    steps = 0
    real = loss

    def die_later(*args: object) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == 18:
            raise KilledError
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(base_training, "loss", die_later)
    with pytest.raises(KilledError):
        list(prepared().run())
    monkeypatch.setattr(base_training, "loss", real)
    resumed = prepared()
    assert len(list(resumed.run())) == 2, "the first epoch was done"
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value)
    torch.testing.assert_close(resumed.best(), whole.best())


def test_a_finished_run_trains_no_further(prepared: Callable[[], BaseTraining]) -> None:
    first = prepared()
    list(first.run())
    again = prepared()
    assert list(again.run()) == []
    torch.testing.assert_close(again.best(), first.best())


def test_a_checkpoint_of_other_settings_is_refused(
    prepared: Callable[[], BaseTraining],
    settings: TrainBaseSettings,
    profile: ModelProfile,
    tokenizer_json: str,
    tiny_model: MakeModel,
) -> None:
    next(prepared().run())
    other = settings.model_copy(update={"seed": 99})
    builder = builder_for(profile, tokenizer_json)
    with pytest.raises(CheckpointError, match="delete it"):
        next(BaseTraining(other, tiny_model(), builder.roles, load_data(other, builder)).run())


def test_padding_changes_no_decision(
    profile: ModelProfile, tokenizer_json: str, tiny_model: MakeModel, meld_file: MakeFile
) -> None:
    builder = builder_for(profile, tokenizer_json)
    examples = list(builder.examples(read("meld", meld_file(3))))
    model = tiny_model().eval()
    together = label_logits(model, examples)
    alone = np.concatenate([label_logits(model, [one]) for one in examples])
    np.testing.assert_allclose(together, alone, atol=0.05)


def test_the_loss_is_the_models_own_next_token_loss(
    profile: ModelProfile, tokenizer_json: str, tiny_model: MakeModel, meld_file: MakeFile
) -> None:
    builder = builder_for(profile, tokenizer_json)
    examples = list(builder.examples(read("meld", meld_file(2))))
    rng = np.random.default_rng(0)
    sequences = [negotiation(builder.roles, one, np.ones(7, np.float32), rng) for one in examples]
    batch = collate(sequences, examples, 0)
    model = tiny_model().eval()
    with torch.no_grad():
        ours = loss(decide(model, batch, vocabulary=True), batch, later=0.0)
        logits = model(batch.ids).logits
        places = [one.decisions[0] for one in sequences]
        targets = torch.tensor([one.label_ids[one.target] for one in examples])
        theirs = torch.nn.functional.cross_entropy(logits[range(len(places)), places], targets)
    torch.testing.assert_close(ours, theirs)


def test_batches_hold_everything_once_and_like_with_like() -> None:
    lengths = np.random.default_rng(0).integers(10, 200, 333)
    batches = by_length(lengths, 32, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(333))
    assert np.mean([np.ptp(lengths[one]) for one in batches]) < 30


def test_each_further_example_is_seen_once_over_all_epochs(
    profile: ModelProfile, tokenizer_json: str, meld_file: MakeFile
) -> None:
    builder = builder_for(profile, tokenizer_json)
    main, further = (list(builder.examples(read("meld", meld_file(size)))) for size in (4, 5))
    mixture = Mixture(main, [further], epochs=2, seed=0)
    seen = np.concatenate([mixture.epoch(0), mixture.epoch(1)])
    assert np.bincount(seen).tolist() == [2] * len(main) + [1] * len(further)


def test_conversations_of_the_held_back_scenes_are_left_out(conversation: Conversation) -> None:
    telling = conversation.turns[0].__class__("Cy", "I never said that it was you, Bo!", "anger")
    same = Conversation("x", "en", "emorynlp", (telling,))
    held = Conversation("y", "en", "meld", (telling.__class__("Di", "i never said that it was you bo"),))
    assert without_overlap([conversation, same], [held]) == [conversation]


@pytest.mark.parametrize("text", ["emorynlp", "emorynlp:much:a.csv", "emorynlp:2:a.csv"])
def test_a_further_corpus_that_is_written_wrong_is_explained(text: str) -> None:
    with pytest.raises(UnknownFormatError, match="FORMAT:SHARE:PATH"):
        FurtherCorpus.parse(text)


@pytest.mark.parametrize(
    ("answers", "final", "decisions"),
    [([3, 3], 3, 2), ([3, 0, 0], 0, 3), ([3, 0, 3, 3], 3, 4), ([3, 0, 3, 0, 3, 0], OUTLIER, 6)],
)
def test_two_equal_answers_in_a_row_are_consensus(
    profile: ModelProfile,
    tokenizer_json: str,
    tiny_model: MakeModel,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[int],
    final: int,
    decisions: int,
) -> None:
    builder = builder_for(profile, tokenizer_json)
    example = next(builder.examples([conversation]))
    said = iter(answers)
    monkeypatch.setattr(sanm, "label_logits", lambda *_: np.eye(7)[[next(said)]])
    found = negotiate(tiny_model(), builder.roles, [example])
    assert (found.first[0], found.final[0], found.decisions[0]) == (answers[0], final, decisions)


def test_the_negotiation_ends_in_consensus_or_an_outlier(
    profile: ModelProfile, tokenizer_json: str, tiny_model: MakeModel, meld_file: MakeFile
) -> None:
    builder = builder_for(profile, tokenizer_json)
    examples = list(builder.examples(read("meld", meld_file(20))))
    found = negotiate(tiny_model().eval(), builder.roles, examples)
    agreed = found.final != OUTLIER
    assert (found.decisions[~agreed] == 6).all()
    assert (found.decisions >= 2).all()
    # Two decisions can only have been G1 and D1 alike.
    assert (found.final[found.decisions == 2] == found.first[found.decisions == 2]).all()
    places = np.array([7, 3])
    some = negotiate(tiny_model().eval(), builder.roles, examples, among=places)
    assert (some.final[places] == found.final[places]).all()
    others = np.delete(np.arange(len(examples)), places)
    assert (some.final[others] == found.first[others]).all()
    assert (some.decisions[others] == 1).all()


def test_a_written_model_loads_and_says_how_it_is_asked(
    profile: ModelProfile, tokenizer_json: str, tiny_model: MakeModel, meld_file: MakeFile, tmp_path: Path
) -> None:
    model, folder = tiny_model(), tmp_path / "models" / "tiny"
    write_model(folder, model.config, model.state_dict(), profile, tokenizer_json)
    (folder / "README.md").write_text("card")
    write_model(folder, model.config, model.state_dict(), profile, tokenizer_json)
    assert (folder / "README.md").read_text() == "card", "a model card survives its model"
    assert [entry.name for entry in folder.parent.iterdir()] == ["tiny"], "nothing half-written is left"
    served = OPTForCausalLM.from_pretrained(folder)
    assert served.dtype == torch.bfloat16

    builder = builder_for(profile, tokenizer_json)
    dev_file = meld_file(12)
    dev = list(builder.examples(read("meld", dev_file)))
    fitted = fit(served, builder.roles, profile, dev)
    write_profile(folder, fitted.profile)
    assert ModelProfile.read(folder) == fitted.profile
    one_pass, calibrated = (fitted.dev.policies[name] for name in ("one-pass", "calibrated"))
    assert calibrated.agreement.weighted_f1 >= one_pass.agreement.weighted_f1
    assert one_pass.decisions == 1 <= calibrated.decisions
    again = compare(negotiate(served, builder.roles, dev), dev, ModelProfile.read(folder))
    assert again == fitted.dev, "anyone gets the same figures from the folder"


def test_data_names_the_taxonomies_in_order(
    profile: ModelProfile, tokenizer_json: str, settings: TrainBaseSettings, tmp_path: Path
) -> None:
    (tmp_path / "emo.txt").write_text("1\ta\tb\tso what\thappy\n")
    with_more = TrainBaseSettings.model_validate(
        {**settings.model_dump(), "also": f"emocontext:1:{tmp_path / 'emo.txt'}"}
    )
    data: Data = load_data(with_more, builder_for(profile, tokenizer_json))
    assert data.mixture.taxonomies == ("meld", "emocontext")
