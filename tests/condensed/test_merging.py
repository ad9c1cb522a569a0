"""Sets are cut, labelled anew and merged: every video stays what it was, and what cannot be is refused."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos, KeyFrameVideos, StaticDynamicVideos, merge
from vidcondense.condensed.base import REPRESENTATIONS
from vidcondense.condensed.provenance import origins, seeds, shared_recipe, split

COUNTS = {0: 2, 1: 3, 2: 1}
"""Key frames of each video by its class."""

Memories = Callable[..., StaticDynamicVideos]


def key_frames(
    names: str = "abc", labels: tuple[int, ...] = (0, 0, 1, 1, 2, 2), seed: int = 0
) -> KeyFrameVideos:
    """Videos with as many key frames as `COUNTS` says of their label, all different."""
    counts = [COUNTS[label] for label in labels]
    return KeyFrameVideos(
        key_frames=torch.randn(sum(counts), 3, 4, 6, generator=torch.Generator().manual_seed(seed)),
        positions=torch.tensor([time for count in counts for time in range(count)]),
        counts=torch.tensor(counts),
        labels=torch.tensor(labels),
        class_names=tuple(names),
        frames=5,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        provenance=made_by("prism", seed),
    )


def made_by(recipe: str, seed: int, split: str = "1") -> dict[str, Any]:
    """What condensing records."""
    return {"recipe": {"name": recipe, "seed": seed, "vpc": 2}, "source": {"name": "toys", "split": split}}


def by_class(condensed: CondensedVideos) -> dict[str, list[Tensor]]:
    """The clips of each class, in order."""
    found: dict[str, list[Tensor]] = {name: [] for name in condensed.class_names}
    for clip, label in zip(condensed.render(), condensed.labels.tolist(), strict=True):
        found[condensed.class_names[label]].append(clip)
    return found


def same_clips(condensed: CondensedVideos, expected: Mapping[str, list[Tensor]]) -> None:
    """Each class has the clips that are expected of it, and labels are in order."""
    found = by_class(condensed)
    assert list(found) == list(expected)
    for name, clips in expected.items():
        assert len(clips) == len(found[name])
        for one, other in zip(clips, found[name], strict=True):
            torch.testing.assert_close(one, other)
    assert condensed.labels.tolist() == sorted(condensed.labels.tolist())


@pytest.fixture(params=["key frames", "memories"])
def condensed(request: pytest.FixtureRequest, memories: Memories) -> CondensedVideos:
    if request.param == "key frames":
        return key_frames()
    return memories([0, 0, 1, 1, 2, 2], ("a", "b", "c"), 5, (4, 6))


@pytest.mark.parametrize("names", ["abc", "cab", "b", "ca"])
def test_classes_are_chosen_in_any_order(condensed: CondensedVideos, names: str, tmp_path: Path) -> None:
    before = by_class(condensed)
    chosen = condensed.select(list(names))
    assert type(chosen) is type(condensed)
    same_clips(chosen, {name: before[name] for name in names})
    assert (chosen.videos, chosen.vpc) == (2 * len(names), 2)
    chosen.save(tmp_path / "a.safetensors")
    same_clips(CondensedVideos.load(tmp_path / "a.safetensors"), by_class(chosen))
    assert torch.equal(condensed.select(list("abc")).render(), condensed.render())


def test_cuts_of_one_set_are_merged_again(condensed: CondensedVideos) -> None:
    merged = merge([condensed.select(["c"]), condensed.select(["b", "a"])])
    same_clips(merged, by_class(condensed))
    assert merged.content_values == condensed.content_values


def test_sets_of_the_same_classes_give_more_videos_of_each() -> None:
    one, other = key_frames(seed=1), key_frames(labels=(2, 0, 1), seed=2)
    merged = merge([one, other])
    same_clips(merged, {name: by_class(one)[name] + by_class(other)[name] for name in "abc"})
    assert merged.vpc == 3
    header = merged.content_header()
    assert header["key_frame_bytes"] == 4 * (one.key_frames.numel() + other.key_frames.numel())


def test_sets_of_other_classes_give_a_set_of_all_sorted_as_stores_do() -> None:
    one, other = key_frames("cXa"), key_frames("dbc", seed=1)
    mine, theirs = by_class(one), by_class(other)
    expected = {
        "X": mine["X"],
        "a": mine["a"],
        "b": theirs["b"],
        "c": mine["c"] + theirs["c"],
        "d": theirs["d"],
    }
    same_clips(merge([one, other]), expected)
    same_clips(merge([one, other], ["d", "c"]), {"d": expected["d"], "c": expected["c"]})
    same_clips(
        merge([one, one.select(["a", "X", "c"]).select(["c", "X", "a"])], None),
        {
            name: 2 * mine[name]
            for name in "cXa"  # the order that all have
        },
    )


def test_the_same_sets_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "again"):
        merge([key_frames(), key_frames(seed=1)]).save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "again").read_bytes()


def test_names_can_be_changed() -> None:
    renamed = key_frames().renamed({"a": "A", "c": "a"})
    assert renamed.class_names == ("A", "b", "a")
    assert torch.equal(renamed.labels, key_frames().labels)
    with pytest.raises(VidcondenseError, match="two classes would be called 'b'"):
        key_frames().renamed({"a": "b"})
    with pytest.raises(VidcondenseError, match="no class 'z'"):
        key_frames().renamed({"z": "b"})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Walk"], "there is no class 'Walk'; did you mean 'walk'?"),
        (["walk", "jump", "walk"], "two classes would be called 'walk'"),
        ([], "no class is named"),
        (["idle"], "there is no video of 'idle'"),
    ],
)
def test_classes_that_cannot_be_chosen_are_refused(names: list[str], message: str) -> None:
    made = replace(key_frames(labels=(0, 1)), class_names=("walk", "jump", "idle"))
    for choose in (made.select, lambda chosen: merge([made, made], chosen)):
        with pytest.raises(VidcondenseError) as refused:
            choose(names)
        assert message in str(refused.value)


def test_learned_targets_keep_their_columns() -> None:
    targets = torch.arange(18.0).view(6, 3)
    made = replace(key_frames(), targets=targets)
    chosen = made.select(["c", "a"])
    assert chosen.targets is not None
    assert chosen.targets.tolist() == [[14, 12], [17, 15], [2, 0], [5, 3]]
    merged = merge([made, made.select(["b", "c", "a"])])
    assert merged.targets is not None
    assert merged.targets.tolist() == targets.view(3, 2, 3).repeat(1, 2, 1).view(12, 3).tolist()
    with pytest.raises(VidcondenseError, match="set 1 has learned labels, set 2 has none"):
        merge([made, key_frames()])
    with pytest.raises(VidcondenseError, match="learned labels of set 2 have no value for 'a'"):
        merge([made, made.select(["b", "c"])])
    assert merge([made, made.select(["b", "c"])], ["c"]).targets is not None


def test_soft_labels_keep_their_columns() -> None:
    soft = torch.tensor([[200, 50, 5], [0, 0, 255]], dtype=torch.uint8)
    made = replace(key_frames(labels=(0, 1)), soft_labels=soft)
    chosen = made.select(["b", "a"])
    assert chosen.soft_labels is not None
    # The video of b was taken for one of c, which is not there any more: it is one of b.
    assert chosen.soft_labels.tolist() == [[255, 0], [50, 200]]
    merged = merge([key_frames("abd", labels=(0, 2)), made])
    assert merged.class_names == ("a", "b", "c", "d")
    assert merged.soft_labels is not None
    assert merged.soft_labels.tolist() == [[255, 0, 0, 0], [200, 50, 5, 0], [0, 0, 255, 0], [0, 0, 0, 255]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 6}, "a has clips of 5 frames of 4x6, b of 6 frames of 4x6"),
        ({"key_frames": torch.zeros(12, 3, 4, 4)}, "a has clips of 5 frames of 4x6, b of 5 frames of 4x4"),
        ({"mean": (0.4, 0.4, 0.5)}, r"mean \(0.4, 0.4, 0.4\), b with \(0.4, 0.4, 0.5\); bring"),
        ({"std": (0.1, 0.2, 0.2)}, r"std \(0.2, 0.2, 0.2\), b with \(0.1, 0.2, 0.2\); bring"),
        ({"interpolation": "smooth"}, r"differ in interpolation \('linear' and 'smooth'\), which"),
        ({"class_names": ("A", "b", "c")}, "of a and b 'a' and 'A' differ in case alone; give"),
        ({"class_names": ("a", "caf\u00e9", "cafe\u0301")}, None),
    ],
)
def test_sets_that_do_not_go_together_are_refused(change: dict[str, Any], message: str | None) -> None:
    other = replace(key_frames(seed=1), **change)
    if message is None:  # both names are in one set, which knows them apart
        assert len(merge([key_frames(), other]).class_names) == 5
        return
    with pytest.raises(VidcondenseError, match=message) as refused:
        merge([key_frames(), other], called=["a", "b"])
    assert "\n" not in str(refused.value)


def test_names_that_are_alike_are_kept_apart_where_they_are_named() -> None:
    merged = merge([key_frames("abc"), key_frames("Abc")], ["A", "a"])
    assert merged.class_names == ("A", "a")
    assert merged.vpc == 2


def test_kinds_and_hallucinators_do_not_mix(memories: Memories) -> None:
    made = memories([0, 1], ("a", "b"), 5, (4, 6))
    with pytest.raises(VidcondenseError, match="set 1 stores key_frames, set 2 static_dynamic; merge"):
        merge([key_frames(), made])
    with pytest.raises(VidcondenseError, match="differ in the hallucinator, which all videos of a set share"):
        merge([made, replace(made, weight=made.weight + 1)])
    assert merge([made, made]).vpc == 2
    with pytest.raises(VidcondenseError, match="no set to merge"):
        merge([])


@pytest.mark.parametrize(
    ("storages", "kept"),
    [
        (("uint8", "uint8"), "uint8"),
        (("uint8", "float16"), "float16"),
        (("float16", "float32", "uint8"), "float32"),
    ],
)
def test_the_widest_storage_is_kept(storages: tuple[str, ...], kept: str) -> None:
    sets = [replace(key_frames(seed=seed), storage=one) for seed, one in enumerate(storages)]  # type: ignore[arg-type]
    assert merge(sets).storage == kept


def test_frames_that_are_stored_again_as_they_were_lose_nothing(tmp_path: Path) -> None:
    for storage, error in (("float32", 0.0), ("float16", 0.0), ("uint8", 1e-6)):
        paths = [tmp_path / f"{storage}{number}" for number in range(3)]
        for seed in range(2):
            replace(key_frames(seed=seed), storage=storage).save(paths[seed])  # type: ignore[arg-type]
        sets = [CondensedVideos.load(path) for path in paths[:2]]
        merge(sets).save(paths[2])
        again = CondensedVideos.load(paths[2])
        torch.testing.assert_close(again.render(), merge(sets).render(), rtol=0, atol=error)
        if storage == "uint8":  # the levels themselves
            levels = [load_file(path)["key_frames"] for path in paths]
            assert sorted(map(bytes, levels[2].flatten(1).numpy())) == sorted(
                map(bytes, torch.cat(levels[:2]).flatten(1).numpy())
            )


def test_a_learned_step_size_is_kept_where_all_have_it() -> None:
    one = replace(key_frames(), learning_rate=0.25)
    assert one.select(["a"]).learning_rate == 0.25
    assert merge([one, one]).learning_rate == 0.25
    for other in (key_frames(), replace(one, learning_rate=0.5)):
        merged = merge([one, other])
        assert merged.learning_rate is None
        assert origins(merged.provenance)[0]["learning_rate"] == 0.25


def test_a_kind_of_your_own_is_cut_and_merged_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidcondense.condensed.base.REPRESENTATIONS", dict(REPRESENTATIONS))

    @dataclass(frozen=True, kw_only=True)
    class Tinted(KeyFrameVideos):
        """Key frames, a colour for all, and a weight for each video."""

        representation: ClassVar[str] = "tinted"
        colour: Tensor
        strength: Tensor

        def rows_per_video(self) -> dict[str, Tensor]:
            return super().rows_per_video() | {"strength": torch.ones_like(self.counts)}

    @dataclass(frozen=True, kw_only=True)
    class Closed(KeyFrameVideos):
        """Key frames of which nothing is known."""

        representation: ClassVar[str] = "closed"
        rows_per_video = CondensedVideos.rows_per_video

    plain = vars(key_frames())
    made = Tinted(**plain, colour=torch.ones(3), strength=torch.arange(6))
    assert made.select(["c", "a"]).strength.tolist() == [4, 5, 0, 1]
    assert merge([made, made], ["b"]).strength.tolist() == [2, 3, 2, 3]  # type: ignore[attr-defined]
    with pytest.raises(VidcondenseError, match="differ in colour"):
        merge([made, replace(made, colour=torch.zeros(3))])
    for change in (lambda one: one.select(["a"]), lambda one: merge([one, one])):
        with pytest.raises(
            VidcondenseError, match="store closed cannot be cut or merged: Closed has no rows"
        ):
            change(Closed(**plain))


def test_every_kind_of_content_can_be_cut() -> None:
    for kind in (KeyFrameVideos, StaticDynamicVideos):
        assert kind.rows_per_video is not CondensedVideos.rows_per_video


def test_provenance_names_what_was_condensed_however_often_it_is_cut_and_merged() -> None:
    one, other = key_frames("abc"), replace(key_frames("dbc", seed=1), provenance=made_by("dm", 1))
    cut = one.select(["b", "a"])
    assert set(cut.provenance) == {"selected_from", "versions"}
    assert cut.provenance["selected_from"] == {
        "class_names": ["a", "b", "c"],
        "videos": 6,
        "provenance": one.provenance,
    }
    assert cut.select(["a"]).renamed({"a": "A"}).provenance == cut.provenance
    merged = merge([cut, other])
    found = origins(merged.provenance)
    assert merged.provenance["merged_from"] == found
    assert [list(part["class_names"]) for part in found] == [["a", "b", "c"], ["d", "b", "c"]]
    assert origins(merge([merged.select(["a"]), one]).provenance) == [*found, found[0]]
    assert origins(one.provenance) == []
    assert shared_recipe(merged.provenance) == {"name": "prism + dm", "vpc": 2}
    assert seeds(merged.provenance) == [0, 1]
    assert shared_recipe(one.provenance) == one.provenance["recipe"]


def test_a_split_is_that_of_all_or_asked_for() -> None:
    one, other = key_frames(), replace(key_frames(seed=1), provenance=made_by("prism", 1, "2"))
    assert split({}) == split({"source": "elsewhere"}) == split({"source": {}}) == "1"
    assert split(merge([other, other.select(["a"])]).provenance) == "2"
    assert split(merge([other, replace(one, provenance={})]).provenance) == "2"
    with pytest.raises(VidcondenseError, match=r"the splits 1, 2, and training videos .* with --split"):
        split(merge([one, other]).provenance)


@pytest.mark.parametrize(
    "value",
    [7, [7], {"provenance": 7}, [], [{"class_names": [], "videos": -1, "provenance": {}}], None],
)
@pytest.mark.parametrize("key", ["merged_from", "selected_from"])
def test_a_provenance_of_another_form_counts_as_that_of_a_condensing(key: str, value: Any) -> None:
    made = replace(key_frames(), provenance={key: value, "recipe": "own"})
    assert origins(made.provenance) == []
    assert shared_recipe(made.provenance) == {"name": "own"}
    assert made.select(["a"]).provenance["selected_from"]["provenance"] == made.provenance


def test_a_header_that_nobody_could_read_is_not_written(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(97):
        deep = {"x": deep}
    made = replace(key_frames(), provenance=deep)
    made.save(tmp_path / "a")
    cut = CondensedVideos.load(tmp_path / "a").select(["a"])
    with pytest.raises(VidcondenseError, match=r"cannot write .*: nobody could read its header"):
        cut.save(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_all_share_is_every_field_of_the_kind_without_rows(condensed: CondensedVideos) -> None:
    own = {field.name for field in dataclasses.fields(condensed)}
    common = {field.name for field in dataclasses.fields(CondensedVideos)}
    assert own == common | condensed.rows_per_video().keys() | condensed.shared_content().keys()
