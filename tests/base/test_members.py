"""Members from files of your own: found, refused, recorded; and the four examples work and are right."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vidcondense import ClipStore, CondensedVideos, Recipe, cli, networks
from vidcondense.base import members
from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError
from vidcondense.coresets import CORESETS
from vidcondense.evaluation.protocols import Strict
from vidcondense.evaluation.shared import evaluate
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.initialisation import initialise
from vidcondense.objectives import OBJECTIVES, Objective
from vidcondense.objectives.distribution_matching import DistributionMatching
from vidcondense.recipes import load as recipe
from vidcondense.run.loop import condense, resume
from vidcondense.run.state import State
from vidcondense.synthetic import REPRESENTATIONS, Synthetic

EXAMPLES = Path(__file__).parents[2] / "examples" / "extend"
NAMES = ("robust_matching", "low_resolution", "nearest_to_mean", "frame_average")
IMPORTS = "from vidcondense.base.settings import Settings\nfrom vidcondense.objectives import Objective\n"
FLOAT32 = Compute(torch.device("cpu"), torch.float32)


def main(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of `vidcondense ARGUMENTS`."""
    monkeypatch.setattr("sys.argv", ["vidcondense", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def load(name: str, **overrides: Any) -> Recipe:
    """The recipe of an example with two iterations."""
    return recipe.load(str(EXAMPLES / f"{name}.toml"), overrides=overrides).replace(iterations=2)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_and_a_recipe_are_enough(name: str, tiny_store: ClipStore, tmp_path: Path) -> None:
    made = condense(tiny_store, load(name), tmp_path / "run", device="cpu", show=False)
    assert bool(made.render().isfinite().all())
    network = f"{EXAMPLES / 'frame_average.py'}:FrameAverage" if name == "frame_average" else "minic3d"
    result = evaluate(
        made, tiny_store, network=network, networks_count=1, protocol=Strict(steps=4, epochs=1), show=False
    )
    assert len(result.results) == 1
    # The artifact names the file and its content, and no folder of this machine.
    provenance = CondensedVideos.load(tmp_path / "run" / "condensed.safetensors").provenance
    assert list(provenance["extensions"]) == [f"{name}.py"]
    assert str(EXAMPLES) not in json.dumps(provenance)
    again = condense(tiny_store, load(name), tmp_path / "again", device="cpu", show=False)
    assert torch.equal(made.render(), again.render())


def test_robust_matching_is_the_huber_loss_of_mean_features(tiny_store: ClipStore) -> None:
    state = State.start(tiny_store, load("robust_matching", **{"objective.huber_delta": 0.01}), FLOAT32)
    start = state.synthetic
    loss, gradient = state.match()

    settings = DistributionMatching.Settings(batch_real=8)
    squared = DistributionMatching(settings, state.objective.context)
    network = squared.networks.at(0)
    batches = list(squared.context.real_clips(settings, 0, 2))
    clips = start.render().requires_grad_()
    expected = torch.zeros(())
    for label in range(len(tiny_store.class_names)):
        real = torch.cat([network.embed(part[labels == label]) for part, labels in batches])
        for gap in network.embed(clips[start.labels == label]).mean(0) - real.mean(0).detach():
            size = gap.abs()
            expected = expected + (0.5 * size**2 if size < 0.01 else 0.01 * (size - 0.005))
    (slope,) = torch.autograd.grad(expected, clips)
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    assert torch.allclose(gradient, slope, rtol=1e-3, atol=1e-6)


def test_low_resolution_pulls_gradients_back_through_its_enlargement(tiny_store: ClipStore) -> None:
    made: Any = State.start(tiny_store, load("low_resolution"), FLOAT32).synthetic
    size = tiny_store.size
    assert made.parameters["frames"].shape[-1] == size // 2
    shown = made.render()
    assert shown.shape[1:] == (tiny_store.frames, 3, size, size)
    # Enlarging is linear, so <gradient, change of what is shown> = <pulled back, change of what is learned>.
    rng = torch.Generator().manual_seed(0)
    gradient, change = (torch.randn(shape.shape, generator=rng) for shape in (shown, made.small))
    made.pull_back(gradient)
    pulled = made.small.grad.clone()
    with torch.no_grad():
        made.small += change
    assert torch.allclose(
        (gradient * (made.render() - shown)).sum().double(), (pulled * change).sum().double(), rtol=1e-3
    )


def test_nearest_to_mean_by_hand(tiny_store: ClipStore) -> None:
    kind: Any = CORESETS.member(f"{EXAMPLES / 'nearest_to_mean.py'}:NearestToMean")
    # The mean is 4: the 4 itself, then the 5, then of 2 and 6 the earlier, the 6.
    assert kind.rule(np.array([[0.0], [5.0], [6.0], [2.0], [4.0], [7.0]]), 4).tolist() == [4, 1, 2, 3]

    def embed(batches: Any) -> Iterator[Any]:
        for batch in batches:
            yield batch.videos[:, None].astype(np.float64)

    batch = kind.default().select(tiny_store, 1, np.random.default_rng(0), embed)
    middles = [int(sorted(videos)[len(videos) // 2]) for videos in tiny_store.by_class("train")]
    assert batch.videos.tolist() == middles


def test_frame_average_does_not_see_the_order_of_frames() -> None:
    network = networks.build(f"{EXAMPLES / 'frame_average.py'}:FrameAverage", 3, 4, 32)
    initialise(network, torch.Generator().manual_seed(0))
    clips = torch.randn(2, 4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(network(clips), network(clips[:, [2, 0, 3, 1]]), atol=1e-6)
    assert not torch.allclose(network(clips), network(clips.flip(3)), atol=1e-6)


def test_the_command_line_takes_them(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in EXAMPLES.glob("*.*"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    store = str(tiny_store.path)
    learn = ["condense", "STORE", "--out", "run", "--recipe", "robust_matching.toml", "--set", "iterations=1"]
    evaluate = ["evaluate", "run", "STORE", "--network", "frame_average.py:FrameAverage", "--networks", "1"]
    look = "show run", "report run --out report.html"

    def code(words: list[str]) -> int:
        return main([store if word == "STORE" else word for word in words], monkeypatch)

    assert code([*learn, "--set", "objective.huber_delta=3"]) == 0
    assert json.loads(Path("run/run.json").read_text())["recipe"]["objective"]["huber_delta"] == 3.0
    assert code(evaluate) == 0
    assert Path("run/evaluations/strong-FrameAverage.json").is_file()
    Path("robust_matching.py").unlink()  # who looks at a result does not load the file that learned it
    assert [code(words.split()) for words in look] == [0, 0]
    assert code([*learn[:3], "other", *learn[4:]]) == 2
    assert "robust_matching.py cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"objective.huber_delt": 1.0}, "unknown recipe key .*huber_delt'; did you mean .*huber_delta'"),
        ({"objective.huber_delta": "much"}, "objective.huber_delta must be a number, not 'much'"),
        ({"objective.huber_delta": 0}, "objective.huber_delta must be a number >= .*, not 0"),
        ({"objective.kind": "robust_matching"}, "must be one of distribution_matching, .* or FILE.py:NAME"),
        ({"objective.kind": "missing.py:Mine"}, "missing.py cannot be read: No such file"),
        ({"objective.kind": f"{EXAMPLES / 'robust_matching.py'}:Mine"}, "defines no 'Mine'"),
        ({"objective.kind": f"{EXAMPLES / 'robust_matching.py'}:Tensor"}, "not a class derived .* Objective"),
    ],
)
def test_bad_names_and_options_are_refused_in_one_line(override: dict[str, Any], message: str) -> None:
    with pytest.raises(VidcondenseError, match=message) as caught:
        load("robust_matching", **override)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [{"iterations": 2}, {"synthetic.init": "real"}, {"optimiser.learning_rate": 1.0}, {"flip": 0.0}],
)
def test_what_a_coreset_of_your_own_does_not_read_is_refused(override: dict[str, Any]) -> None:
    with pytest.raises(
        VidcondenseError, match=f"{next(iter(override))}' would be read by nothing.*leave it out"
    ):
        load("nearest_to_mean", **override)


def test_another_kind_leaves_the_settings_of_the_file_behind() -> None:
    made = load("robust_matching", **{"objective.kind": "distribution_matching"})
    assert made.objective == DistributionMatching.Settings(batch_real=8)


def test_a_file_that_fails_to_load_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import no_such_package\n")
    with pytest.raises(VidcondenseError, match=r"broken\.py cannot be loaded: ModuleNotFoundError"):
        OBJECTIVES.member(f"{path}:Mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "OPTIONS = {'huber_delta': 1}\nMine = 3",
            "OPTIONS are read no more; name settings in a class Settings",
        ),
        ("Mine = 3", "is not a class derived from vidcondense's Objective"),
        (f"{IMPORTS}class Mine(Objective):\n    Settings = 3", "its class needs a class Settings derived"),
        (
            f"{IMPORTS}class Mine(Objective):\n    class Settings(Settings):\n        pass",
            "its class needs a class Settings derived from that of its base",
        ),
    ],
)
def test_a_class_that_does_not_fit_its_family_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(VidcondenseError, match=message):
        OBJECTIVES.settings(f"{tmp_path / 'mine.py'}:Mine")


def test_a_run_is_not_resumed_with_another_file(tiny_store: ClipStore, tmp_path: Path) -> None:
    for name in ("robust_matching.py", "robust_matching.toml"):
        shutil.copy(EXAMPLES / name, tmp_path)
    made = recipe.load(str(tmp_path / "robust_matching.toml"), overrides={"iterations": 1})
    condense(tiny_store, made, tmp_path / "run", device="cpu", show=False)
    description = tmp_path / "run" / "run.json"
    description.write_text(description.read_text().replace('"finished"', '"interrupted"'))
    with (tmp_path / "robust_matching.py").open("a") as file:
        file.write("# another version\n")
    with pytest.raises(VidcondenseError, match="has changed since its start"):
        resume(tmp_path / "run", device="cpu", show=False)


def test_families_are_what_files_have_to_fit() -> None:
    def name(file: str, kind: str) -> str:
        return f"{EXAMPLES / file}.py:{kind}"

    assert issubclass(OBJECTIVES.member(name("robust_matching", "RobustMatching")), Objective)
    assert issubclass(REPRESENTATIONS.member(name("low_resolution", "LowResolution")), Synthetic)
    assert issubclass(members.load_class(name("frame_average", "FrameAverage"), VideoNetwork), VideoNetwork)
    with pytest.raises(VidcondenseError, match="not a class derived from vidcondense's Synthetic"):
        REPRESENTATIONS.member(name("robust_matching", "RobustMatching"))
