"""Evaluation: both protocols, statistics, divergence, refusals."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.cli.tables import evaluation_table as table
from vidcondense.condensed import KeyFrameVideos, StaticDynamicVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD, RealBatch
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore
from vidcondense.evaluation import trial as evaluation
from vidcondense.evaluation.clips import MemoryClips, TrainingClips
from vidcondense.evaluation.protocols import Strict, Strong, Vdsd
from vidcondense.evaluation.protocols.vdsd import standardise
from vidcondense.evaluation.results import accuracies
from vidcondense.evaluation.shared import evaluate
from vidcondense.evaluation.testing import Outcome, score_videos, spread_windows
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Labels, Targets, centred_one_hot

EXACT = Compute(torch.device("cpu"), torch.float32)
QUICK = (Strict(steps=4, epochs=1), Vdsd(epochs=4), Strong(steps=4, epochs=1))
NAMES = ["strict", "vdsd", "strong"]


def condensed(store: ClipStore, vpc: int = 2) -> KeyFrameVideos:
    """The first training clips of every class, every frame stored."""
    videos = np.concatenate([videos[:vpc] for videos in store.by_class("train")])
    flips = np.zeros(len(videos), dtype=np.bool_)
    batch = RealBatch(videos, videos * 0, flips, store.labels[videos])
    clips = torch.cat([clips for clips, _ in batch.read(store, EXACT, 99)])
    return KeyFrameVideos(
        key_frames=clips.flatten(0, 1).contiguous(),
        positions=torch.arange(store.frames).repeat(len(videos)),
        counts=torch.full((len(videos),), store.frames),
        labels=torch.from_numpy(store.labels[videos]),
        class_names=tuple(store.class_names),
        frames=store.frames,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


def test_memories_show_one_clip_of_each_video_per_epoch(
    tiny_store: ClipStore, memories: Callable[..., StaticDynamicVideos]
) -> None:
    made = memories([0, 0, 1, 1, 2, 2], tuple(tiny_store.class_names), 4, (32, 32))
    clips, _ = evaluation._training_clips(made, QUICK[0], tiny_store, None, EXACT)
    assert len(clips) == 6  # videos of the set, of which each epoch shows a clip
    whole, seen = made.render(), set()
    for epoch in range(40):
        shown, labels = clips.read(torch.arange(6), 0, epoch)
        assert labels.values.tolist() == [0, 0, 1, 1, 2, 2]
        matches = [int((whole - clip).flatten(1).abs().amax(1).argmin()) for clip in shown]
        assert [match // 4 for match in matches] == list(range(6))
        seen |= set(matches)
    assert len(seen) == 24
    result = evaluate(made, tiny_store, protocol=QUICK[0], networks_count=1, show=False)
    assert len(result.results) == 1


@pytest.mark.parametrize("protocol", QUICK, ids=NAMES)
def test_repeats_exactly_and_adds_up(protocol: Strict | Vdsd | Strong, tiny_store: ClipStore) -> None:
    made = condensed(tiny_store)
    torch.manual_seed(0)
    first = evaluate(made, tiny_store, protocol=protocol, networks_count=2, show=False)
    torch.manual_seed(1)  # the caller's generator must not matter
    state = torch.get_rng_state()
    second = evaluate(made, tiny_store, protocol=protocol, networks_count=2, show=False)
    assert torch.equal(torch.get_rng_state(), state)
    one, two = first.to_dict(), second.to_dict()
    assert {**one, "seconds": 0} == {**two, "seconds": 0}
    passes = protocol.passes if isinstance(protocol, Vdsd) else 1
    for result in first.results:
        assert result.confusion.sum() == passes * len(tiny_store.select("test"))
        assert result.top1 == pytest.approx(result.confusion.trace().item() / result.confusion.sum().item())
        assert result.top5 == 1.0  # three classes only
    count = 4 if protocol.name == "strong" else 2  # of each kind
    assert one["networks"] == count
    trained = [result.top1 for result in first.trained]
    assert trained, "no network trained: the rest would check nothing"
    assert one["diverged"] == count - len(trained)
    assert one["top1"]["mean"] == pytest.approx(np.mean(trained))


def test_a_trained_network_beats_chance(tiny_store: ClipStore) -> None:
    made = condensed(tiny_store, vpc=5)
    result = evaluate(made, tiny_store, protocol=Strict(steps=25, epochs=1), networks_count=1, show=False)
    assert result.top1[0] > 0.5
    assert all(not r.diverged and r.loss < 0.9 for r in result.results)


@pytest.mark.parametrize("protocol", [Strict(steps=25, epochs=1), Vdsd(epochs=25)], ids=["strict", "vdsd"])
def test_networks_regress_learned_targets(protocol: Strict | Vdsd | Strong, tiny_store: ClipStore) -> None:
    made = condensed(tiny_store, vpc=4)
    right = centred_one_hot(made.labels, 3)
    turned = right.roll(1, dims=1)  # every clip calls itself the class after its own
    tops = [
        evaluate(
            replace(made, targets=targets),
            tiny_store,
            protocol=protocol,
            network="minic3d",
            networks_count=1,
            show=False,
        )
        for targets in (right, turned)
    ]
    first, second = (result.results[0] for result in tops)
    assert not first.diverged and first.loss < Targets(right).guessing(3)
    assert first.top1 > 0.5
    as_told = second.confusion.roll(-1, 1).trace() / second.confusion.sum()
    assert as_told > 0.5 > second.top1


def test_networks_learn_soft_labels(tiny_store: ClipStore) -> None:
    made = condensed(tiny_store, vpc=4)
    turned = F.one_hot((made.labels + 1) % 3, 3) * 200 + 10  # clips say that they are of the next class
    result = evaluate(
        replace(made, soft_labels=turned.to(torch.uint8)),
        tiny_store,
        protocol=Strong(steps=60, epochs=1),
        network="minic3d",
        networks_count=1,
        show=False,
    ).results[0]
    as_told = result.confusion.roll(-1, 1).trace() / result.confusion.sum()
    assert as_told > 0.5 > result.top1 and not result.diverged


@dataclass(frozen=True)
class Broken(Strict):
    """A rule whose training always fails."""

    outcome: float = math.nan

    def train(self, network: VideoNetwork, clips: TrainingClips, *rest: object) -> float:
        return self.outcome


@pytest.mark.parametrize("outcome", [math.nan, math.inf, math.log(3)])
def test_diverged_networks_are_counted_and_not_averaged(outcome: float, tiny_store: ClipStore) -> None:
    result = evaluate(condensed(tiny_store), tiny_store, protocol=Broken(outcome=outcome), show=False)
    described = result.to_dict()
    assert described["diverged"] == 3
    assert described["top1"] == {"mean": None, "std": None, "values": [None, None, None]}
    assert sum(map(sum, described["confusion"])) == 0
    assert "3 of 3 networks diverged" in str(table(result).caption)


def test_published_training_that_explodes_is_reported(tiny_store: ClipStore) -> None:
    wild = replace(QUICK[1], learning_rate=1e6)
    result = evaluate(condensed(tiny_store), tiny_store, protocol=wild, networks_count=1, show=False)
    assert result.results[0].diverged


def test_strict_scores_are_the_mean_over_windows(tiny_store: ClipStore) -> None:
    network = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
    networks.initialise(network, generator(0))
    network.eval()
    tiny_store.stride = 1  # 16 frames have room for windows of 4 that do not touch
    scores, truth, _ = Strict(windows=2).test(network, tiny_store, EXACT, 0)
    videos = tiny_store.select("test")
    assert truth.tolist() == tiny_store.labels[videos].tolist()
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
    for row, video in enumerate(videos):
        clips = [tiny_store.read(np.array([video]), np.array([start])) / 255 for start in (0, 12)]
        expected = torch.stack([network((clip - mean) / std).softmax(1)[0] for clip in clips]).mean(0)
        torch.testing.assert_close(scores[row], expected, rtol=1e-4, atol=1e-5)


def test_windows_overlap_by_half_at_most() -> None:
    lengths = np.array([2, 4, 5, 6, 100])
    cases, starts = spread_windows(lengths, frames=4, stride=1, windows=3)
    found = {case: starts[cases == case].tolist() for case in range(5)}
    assert found == {0: [0], 1: [0], 2: [0], 3: [0, 2], 4: [0, 48, 96]}


def test_the_strict_rule_on_tensors_is_that_on_a_store(tiny_store: ClipStore) -> None:
    network = networks.draw("minic3d", tiny_store.shape, generator(0))
    expected, truth, _ = Strict(windows=1).test(network, tiny_store, EXACT, 0)
    videos = tiny_store.select("test")
    starts = tiny_store.even_starts(videos, 1).reshape(-1)
    batch = RealBatch(videos, starts, np.zeros(len(videos), dtype=np.bool_), tiny_store.labels[videos])
    clips = torch.cat([clips for clips, _ in batch.read(tiny_store, EXACT, 99)])
    scores = score_videos(network, [clips], torch.arange(len(clips)), EXACT)
    torch.testing.assert_close(scores, expected)
    assert accuracies(scores, truth)[0] == accuracies(expected, truth)[0]
    twice = score_videos(
        network, [clips[:2], clips[1:]], torch.tensor([0, 1, 1, *range(2, len(clips))]), EXACT
    )
    torch.testing.assert_close(twice, expected)


def test_standardise_uses_one_mean_and_deviation_for_the_batch() -> None:
    clips = torch.tensor([1.0, 2.0, 3.0, 6.0]).view(2, 2, 1, 1, 1)
    expected = (clips - 3.0) / math.sqrt((4 + 1 + 0 + 9) / 3)
    torch.testing.assert_close(standardise(clips), expected)


def test_vdsd_steps_down_after_252_of_501_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    original = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD,
        "step",
        lambda self, *a: rates.append(self.param_groups[0]["lr"]) or original(self, *a),
    )
    monkeypatch.setattr("vidcondense.evaluation.protocols.vdsd.backward", lambda *_: 0.1)
    network = networks.build("minic3d", 3, 4, 32)
    networks.initialise(network, generator(0))
    steps: list[float] = []
    clips = MemoryClips(torch.zeros(3, 4, 3, 32, 32), Labels(torch.arange(3)))
    Vdsd().train(network, clips, EXACT, 0, steps.append)
    assert steps == [0.1] * 501
    assert rates == [0.01] * 252 + [0.001] * 249


def test_vdsd_trains_at_the_step_size_that_a_set_has_learned_and_strict_does_not(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = replace(condensed(tiny_store), learning_rate=0.0625)
    used: list[float] = []
    original = torch.optim.Optimizer.__init__
    monkeypatch.setattr(
        torch.optim.Optimizer,
        "__init__",
        lambda self, parameters, defaults: (
            used.append(defaults["lr"]) or original(self, parameters, defaults)
        ),
    )
    told = {}
    for protocol in QUICK:
        used.clear()
        result = evaluate(
            made, tiny_store, protocol=protocol, network="minic3d", networks_count=1, show=False
        )
        told[protocol.name] = (used[0], result.to_dict()["settings"])
    assert told["strict"][0] == told["strict"][1]["learning_rate"] == Strict().learning_rate
    assert told["vdsd"][0] == told["vdsd"][1]["learning_rate"] == 0.0625
    assert told["vdsd"][1]["learning_rate_from"] == "condensed set"
    plain = evaluate(condensed(tiny_store), tiny_store, protocol=QUICK[1], networks_count=1, show=False)
    assert plain.to_dict()["settings"]["learning_rate_from"] == "protocol"
    assert plain.to_dict()["settings"]["learning_rate"] == 0.01


def test_bfloat16_agrees_with_float32_where_the_processor_has_it(tiny_store: ClipStore) -> None:
    if choose("cpu").dtype != torch.bfloat16:
        pytest.skip("this processor has no bfloat16 arithmetic")
    network = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
    networks.initialise(network, generator(0))
    exact, _, _ = Strict().test(network, tiny_store, EXACT, 0)
    fast, _, _ = Strict().test(network, tiny_store, choose("cpu"), 0)
    torch.testing.assert_close(exact, fast, rtol=0.02, atol=2e-3)


def test_sets_that_do_not_fit_the_store_are_refused(tiny_store: ClipStore) -> None:
    made = condensed(tiny_store)
    other = replace(made, class_names=("a", "b", "c"))
    names = tiny_store.class_names
    with pytest.raises(VidcondenseError, match=f"only the store has {names[0]!r}, .*with the same classes$"):
        evaluate(other, tiny_store, show=False)
    small = replace(made, key_frames=made.key_frames[..., :30, :30])
    with pytest.raises(VidcondenseError, match="4 frames of 30x30, the store's 4 of 32x32"):
        evaluate(small, tiny_store, show=False)
    with pytest.raises(VidcondenseError, match="networks must be a whole number >= 1, not 0"):
        evaluate(made, tiny_store, networks_count=0, show=False)
    with pytest.raises(VidcondenseError, match="networks must be a whole number <= 10000, not 10001"):
        evaluate(made, tiny_store, networks_count=10_001, show=False)
    for seed in (-1, 2**63):
        with pytest.raises(VidcondenseError, match=f"seed must be a whole number [<>]= .*, not {seed}"):
            evaluate(made, tiny_store, seed=seed, show=False)
    with pytest.raises(VidcondenseError, match="unknown protocol 'loose'; known: strong, strict, vdsd"):
        evaluate(made, tiny_store, protocol="loose", show=False)


@pytest.mark.parametrize(
    ("change", "said", "mend"),
    [
        (lambda names: (*names, "more"), "only the condensed set has 'more'", "merge FILE --classes-of"),
        (lambda names: names[::-1], "same 3 classes in another order: class 0 is", "merge FILE --classes-of"),
        (lambda names: tuple(map(str.upper, names)), "differ in case alone", "merge FILE --classes-of"),
        (lambda names: names[:2], "only the store has", "prepare --class NAME"),
        (lambda names: (*names[:2], "x"), "only the condensed set has 'x'; only the store", "same classes"),
    ],
)
def test_classes_that_differ_are_named_with_a_mend(
    change: Callable[[tuple[str, ...]], tuple[str, ...]], said: str, mend: str, tiny_store: ClipStore
) -> None:
    made = condensed(tiny_store)
    made = replace(made.select(made.class_names[:2]), class_names=change(made.class_names))
    with pytest.raises(VidcondenseError) as refused:
        evaluate(made, tiny_store, show=False)
    assert said in str(refused.value)
    assert mend in str(refused.value)
    if "--classes-of" in mend:
        assert f"--classes-of {tiny_store.path} --out" in str(refused.value)


def test_clips_are_normalised_as_real_ones_are(tiny_store: ClipStore) -> None:
    made = condensed(tiny_store)
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = made.key_frames * std + mean
    other = replace(made, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    shift, scale = (torch.tensor(one).view(3, 1, 1) for one in (other.mean, other.std))
    other = replace(other, key_frames=(pixels - shift) / scale)
    shown = [
        evaluation._training_clips(one, QUICK[0], tiny_store, None, EXACT)[0].read(torch.arange(6), 0, 0)[0]
        for one in (made, other)
    ]
    torch.testing.assert_close(shown[0], made.render())
    torch.testing.assert_close(shown[1], shown[0], rtol=0, atol=1e-5)


def test_a_class_without_test_videos_is_named(tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made = condensed(tiny_store)
    monkeypatch.setattr(
        tiny_store, "by_class", lambda role: [np.array([0]), np.array([], dtype=int), np.array([1])]
    )
    with pytest.raises(VidcondenseError, match=f"{tiny_store.class_names[1]!r} has no test video"):
        evaluate(made, tiny_store, show=False)


@pytest.fixture(scope="module")
def two_splits(tiny_store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two splits: of the 8 videos of a class, 0 to 4 are for training in 1, and 3 to 7 in 2."""
    folder = tmp_path_factory.mktemp("two")
    videos, lists = folder / "source" / "videos", folder / "source" / "splits"
    lists.mkdir(parents=True)
    for kind in sorted((tiny_store_path.parent / "clips" / "train").iterdir()):
        (videos / kind.name).mkdir(parents=True)
        files = sorted(kind.parent.parent.glob(f"*/{kind.name}/*.mp4"))
        for number, file in enumerate(files):
            (videos / kind.name / f"v{number}.mp4").symlink_to(file)
        for split, train in ((1, range(5)), (2, range(3, 8))):
            roles = "".join(f"v{number}.mp4 {1 if number in train else 2}\n" for number in range(len(files)))
            (lists / f"{kind.name}_test_split{split}.txt").write_text(roles)
    options = {"frames": 4, "size": 32, "workers": 1, "progress": False, "follow_links": True}
    prepare(folder / "source", folder / "store", **options)
    return folder / "store"


@dataclass(frozen=True)
class Untested(Strict):
    """Strict, without reading a test video."""

    def test(self, network: VideoNetwork, store: ClipStore, *rest: object) -> Outcome:
        truth = torch.from_numpy(store.labels[store.select("test")])
        return Outcome(torch.zeros(len(truth), len(store.class_names)), truth, {})


@pytest.mark.parametrize("split", ["1", "2"])
def test_the_whole_dataset_is_the_training_videos_of_the_split(
    split: str, two_splits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ClipStore.open(two_splits, split)
    seen: list[int] = []
    original = ClipStore.read
    monkeypatch.setattr(
        ClipStore, "read", lambda self, videos, *rest: seen.extend(videos) or original(self, videos, *rest)
    )
    rule = Untested(steps=1, epochs=2, batch=4)
    result = evaluate(store, store, protocol=rule, networks_count=1, flip=0.0, show=False)
    train = store.select("train").tolist()
    assert len(train) == 15
    assert sorted(seen) == sorted(2 * train)  # each once per epoch
    assert result.to_dict()["trained_on"] == {
        "name": store.name,
        "fingerprint": store.fingerprint,
        "split": split,
        "videos": 15,
        "flip": 0.0,
    }
    assert "trained on all 15 training videos" in str(table(result).title)


@pytest.mark.parametrize("protocol", QUICK, ids=NAMES)
def test_training_on_a_store_repeats_exactly(protocol: Strict | Vdsd | Strong, tiny_store: ClipStore) -> None:
    def run(**changes: object) -> dict[str, object]:
        result = evaluate(
            tiny_store,
            tiny_store,
            protocol=protocol,
            network="minic3d",
            networks_count=1,
            show=False,
            **changes,
        )  # type: ignore[arg-type]
        return {**result.to_dict(), "seconds": 0}

    first = run()
    assert first == run()
    assert first["trained_on"]["flip"] == 0.5  # type: ignore[index]
    assert first["train_loss"] != run(flip=0.0)["train_loss"]
    assert first["train_loss"] != run(seed=1)["train_loss"]


def test_a_network_trained_on_the_whole_store_beats_chance(tiny_store: ClipStore) -> None:
    rule = Strict(steps=25, epochs=1, batch=15)
    result = evaluate(tiny_store, tiny_store, protocol=rule, networks_count=1, show=False)
    assert result.top1[0] > 0.5
    assert not result.results[0].diverged


def test_an_evaluation_of_a_condensed_set_says_nothing_of_real_clips(tiny_store: ClipStore) -> None:
    result = evaluate(condensed(tiny_store), tiny_store, protocol=QUICK[0], networks_count=1, show=False)
    assert "trained_on" not in result.to_dict()


def test_stores_that_do_not_fit_are_refused(two_splits: Path, tiny_store: ClipStore) -> None:
    one, two = (ClipStore.open(two_splits, split) for split in "12")
    with pytest.raises(VidcondenseError, match="would test on training videos"):
        evaluate(one, two, show=False)
    with pytest.raises(VidcondenseError, match=r"flip must be a number <= 1\.0, not 2\.0"):
        evaluate(one, one, flip=2.0, show=False)
    with pytest.raises(VidcondenseError, match="strict mirrors no condensed clips"):
        evaluate(condensed(tiny_store), tiny_store, protocol="strict", flip=0.5, show=False)
    two.frames = 8
    with pytest.raises(
        VidcondenseError, match="training clips are 8 frames of 32x32, the store's 4 of 32x32"
    ):
        evaluate(two, one, show=False)
    two.class_names = ("a", "b", "c")
    with pytest.raises(
        VidcondenseError, match=r"the training store \(3\) and .* only the training store has 'a'"
    ):
        evaluate(two, one, show=False)


def test_a_class_without_training_videos_is_named(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny_store.by_class
    monkeypatch.setattr(
        tiny_store, "by_class", lambda role: [v[: len(v) * (role == "test")] for v in whole(role)]
    )
    with pytest.raises(VidcondenseError, match=f"{tiny_store.class_names[0]!r} has no training video"):
        evaluate(tiny_store, tiny_store, show=False)


@dataclass(frozen=True)
class BrokenAtTheEnd(Broken):
    """A rule whose last step leaves a network that gives no numbers, after losses that were fine."""

    def test(self, network: VideoNetwork, store: ClipStore, *rest: object) -> Outcome:
        scores, truth, controls = Strict.test(self, network, store, *rest)  # type: ignore[arg-type]
        scores[0, 0] = math.nan
        return Outcome(scores, truth, controls)


def test_a_network_that_gives_no_numbers_has_diverged(tiny_store: ClipStore) -> None:
    rule = BrokenAtTheEnd(outcome=0.1)
    result = evaluate(condensed(tiny_store), tiny_store, protocol=rule, networks_count=1, show=False)
    assert result.results[0].diverged
    assert result.to_dict()["top1"]["mean"] is None
