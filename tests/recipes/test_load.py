"""Recipes: what comes with the package, published hyper-parameters, overrides and refusals."""

from pathlib import Path

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.experts.settings import ExpertSettings
from vidcondense.objectives.trajectory_matching import TrajectoryMatching
from vidcondense.recipes import load as recipe
from vidcondense.recipes.reading import from_dict
from vidcondense.synthetic import Stage


@pytest.mark.parametrize("name", recipe.available())
def test_every_recipe_loads_under_its_own_name(name: str) -> None:
    loaded = recipe.load(name)
    assert loaded.name == name
    assert loaded.description
    assert from_dict(loaded.to_dict()) == loaded


def test_published_step_sizes_of_wang() -> None:
    for vpc, motions, hallucinator in ((1, 1e-4, 1e-5), (5, 1e3, 1e-6)):
        values = recipe.load("wang", vpc=vpc).fields()
        assert values["optimiser.learning_rate"] == motions
        assert values["synthetic.hallucinator_learning_rate"] == hallucinator
    wang = recipe.load("wang")
    assert (wang.iterations, wang.objective.batch_real, wang.optimiser.momentum) == (5000, 64, 0.95)
    assert [(stage.name, stage.first, stage.iterations) for stage in wang.stages] == [
        ("static", 0, 3000),
        ("dynamic", 3000, 5000),
    ]
    assert recipe.load("prism").stages == (Stage("", 0, 5000),)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("wang", {"insertion.kind": "gradient"}, "static_dynamic has a motion for every frame"),
        ("wang", {"objective.kind": "trajectory_matching"}, "shows standing images"),
        ("wang", {"coreset.kind": "random"}, "which images and motions cannot"),
        ("wang", {"synthetic.static_iterations": -1}, "static_iterations must be a whole number >= 0"),
        ("dm", {"synthetic.static_iterations": 1}, "belongs to synthetic.kind = 'static_dynamic'"),
        ("wang", {"static_iterations": 1}, "is called 'synthetic.static_iterations' now"),
        ("wang", {"synthetic.hallucinator_learning_rate": 0.0}, "learning_rate must be a number >= 1.2e-38"),
        (
            "wang",
            {"synthetic.static_learning_rate": -1.0},
            "static_learning_rate must be a number >= 1.2e-38",
        ),
    ],
)
def test_what_memories_cannot_do_is_refused(name: str, overrides: dict[str, object], message: str) -> None:
    with pytest.raises(VidcondenseError, match=message):
        recipe.load(name, overrides=overrides)


@pytest.mark.parametrize(
    ("dataset", "vpc", "learning_rate", "batch_real"),
    [
        ("miniucf", 1, 1.0, 64),
        ("miniucf", 5, 25.0, 64),
        ("miniucf", 10, 50.0, 64),
        ("hmdb51", 1, 0.7, 64),
        ("hmdb51", 5, 25.0, 64),
        ("hmdb51", 10, 75.0, 64),
        ("kinetics400", 1, 1.0, 64),
        ("kinetics400", 5, 50.0, 128),
        ("ssv2", 1, 3.0, 64),
        ("ssv2", 5, 30.0, 128),
    ],
)
def test_prism_has_the_hyper_parameters_of_table_a(
    dataset: str, vpc: int, learning_rate: float, batch_real: int
) -> None:
    loaded = recipe.load("prism", vpc=vpc, dataset=dataset)
    assert loaded.vpc == vpc
    assert loaded.optimiser.learning_rate == learning_rate
    assert loaded.optimiser.momentum == 0.95
    assert loaded.objective.batch_real == batch_real


def test_mtt_has_the_values_of_the_published_code_for_video() -> None:
    for name in ("mtt", "prism_trajectory"):
        loaded = recipe.load(name)
        assert loaded.experts == ExpertSettings(count=30, epochs=50, batch=256, learning_rate=0.01)
        objective, optimiser = loaded.objective, loaded.optimiser
        assert isinstance(objective, TrajectoryMatching.Settings)
        assert (objective.max_start_epoch, objective.expert_epochs, objective.synthetic_steps) == (10, 1, 10)
        assert (objective.step_size, objective.batch_synthetic) == (0.01, 0)
        assert (optimiser.learning_rate, objective.step_size_learning_rate) == (1e5, 1e-5)
        assert (optimiser.momentum, loaded.iterations) == (0.5, 8000)


def test_overrides_win() -> None:
    overrides = recipe.parse_overrides(["optimiser.learning_rate=3", "synthetic.init=real", "iterations = 7"])
    loaded = recipe.load("prism", vpc=5, overrides=overrides)
    assert loaded.optimiser.learning_rate == 3.0
    assert loaded.synthetic.init == "real"
    assert loaded.iterations == 7


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimiser.learning_rat=1", "did you mean 'optimiser.learning_rate'"),
        ("lerning_rate=1", "did you mean 'optimiser.learning_rate'"),
        ("warmup=0.1", "did you mean 'insertion.warm_up'"),
        ("vpc=0", "vpc must be a whole number >= 1, not 0"),
        ("vpc=many", "vpc must be a whole number, not 'many'"),
        ("iterations=many", "iterations must be a whole number, not 'many'"),
        ("iterations=1.5", "iterations must be a whole number, not 1.5"),
        ("flip=true", "flip must be a number, not True"),
        ("synthetic.init=zeros", "must be one of noise, real"),
        ("optimiser=3", "is a table of settings"),
        ("vpc.x=3", "unknown recipe key"),
        ("optimiser.learning_rate=-1", "must be a number >= 1.2e-38"),
        ("optimiser.learning_rate=inf", "must be a number <= 3e\\+38, not inf"),
        ("optimiser.learning_rate=nan", "must be a number .*, not nan"),
        ("optimiser.learning_rate=1e39", r"must be a number <= 3e\+38"),
        ("experts.learning_rate=1e39", r"experts.learning_rate must be a number <= 3e\+38"),
        ("optimiser.learning_rate=1e-60", "optimiser.learning_rate must be a number >= 1.2e-38, not 1e-60"),
        ("optimiser.targets_learning_rate=1", "is called 'objective.targets_learning_rate' now"),
        ("objective.step_size=1", "belongs to objective.kind = 'trajectory_matching'"),
        ("seed=99999999999999999999", "seed must be a whole number <= 9223372036854775807"),
        ('network="a\\u0000b"', "holds a zero byte"),
        ("insertion.warm_up=1.2", "warm_up must be a number <= 1.0"),
        ("synthetic.kind=every_frame", "nothing left to insert"),
        ("frames", "key=value"),
        ("coreset.kind=random", "keeps real clips as they are and learns nothing"),
        ("coreset=random", "is a table of settings"),
        ("coreset.features=trained", "belongs to coreset.kind = 'herding' or 'k_center'"),
        (
            "coreset.kind=k_centre",
            "must be one of at_most, every_video, herding, k_center, random, or",
        ),
        ("optimiser.low_pass=-1", "low_pass must be a number >= 0.0"),
        ("synthetic.initial_key_frames=0", "initial_key_frames must be a whole number >= 1, not 0"),
        ("synthetic.segments=0", "segments must be a whole number >= 1"),
        ("synthetic.segments=3", "= 2 cannot be shared equally by synthetic.segments = 3; choose 3"),
        ("synthetic.interpolation=cubic", "must be one of linear, nearest, smooth"),
        ("synthetic.interpolation=smooth", "'smooth' a new key frame would change the frames around it"),
        ("objective.real_frames=-1", "real_frames must be a whole number >= 0"),
        ("insertion.threshold=1.5", "threshold must be a number <= 1.0, not 1.5"),
        ("insertion.kind=uniform", "mean_key_frames, so that needs a value"),
        ("insertion.mean_key_frames=0.5", "must be 0 or at least 1"),
        ("insertion.most=3", 'limits insertion.select = "all"'),
        ("insertion.most=-1", "most must be a whole number >= 0"),
    ],
)
def test_bad_overrides_are_refused_in_one_line(override: str, message: str) -> None:
    with pytest.raises(VidcondenseError, match=message) as caught:
        recipe.load("prism", overrides=recipe.parse_overrides([override]))
    assert "\n" not in str(caught.value)


def test_segments_share_synthetic_and_real_frames_equally() -> None:
    shared = {"synthetic.segments": 3, "synthetic.initial_key_frames": 6, "objective.real_frames": 9}
    loaded = recipe.load("segments", overrides=shared)
    assert (loaded.synthetic.segments, loaded.objective.real_frames) == (3, 9)
    for key, count in (("synthetic.initial_key_frames", 5), ("objective.real_frames", 4)):
        with pytest.raises(VidcondenseError, match=f"{key} = {count} cannot .*; choose 3 or 6"):
            recipe.load("segments", overrides={**shared, key: count})
    every = {"synthetic.segments": 3, "objective.real_frames": 3}  # DM of every frame has no N_syn to share
    assert recipe.load("dm", overrides=every).synthetic.segments == 3


def test_no_videos_per_class_is_refused() -> None:
    with pytest.raises(VidcondenseError, match="vpc must be a whole number >= 1, not 0"):
        recipe.load("prism", vpc=0)


def test_unknown_recipes_and_datasets_are_named() -> None:
    with pytest.raises(VidcondenseError, match="did you mean 'prism'"):
        recipe.load("prisma")
    with pytest.raises(VidcondenseError, match="miniucf, hmdb51"):
        recipe.load("prism", dataset="ucf101")
    with pytest.raises(VidcondenseError, match="it has none"):
        recipe.load("random", dataset="miniucf")


def test_a_recipe_of_your_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\niterations = 3\n[insertion]\nkind = "none"\n')
    assert recipe.load(str(path)).insertion.kind == "none"
    path.write_bytes(b"\xff")
    with pytest.raises(VidcondenseError, match="not valid TOML"):
        recipe.load(str(path))
    path.write_text("vpc = " + "[" * 100_000)
    with pytest.raises(VidcondenseError, match="not valid TOML"):
        recipe.load(str(path))
    for rows in ("published = 3", "published = [1]", '[[published]]\ndataset = "a"\nvpc = 1\nset = 1'):
        path.write_text(rows)
        with pytest.raises(VidcondenseError, match="published"):
            recipe.load(str(path))
    path.write_text("name = \n")
    with pytest.raises(VidcondenseError, match="not valid TOML"):
        recipe.load(str(path))


def test_a_recipe_states_only_what_differs_from_its_base(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('based_on = "prism_small"\niterations = 9\n')
    path = tmp_path / "mine.toml"
    path.write_text('based_on = "base.toml"\nname = "mine"\n[objective]\nbatch_real = 3\n')
    own, base = recipe.load(str(path)), recipe.load("prism_small")
    assert own == base.replace(name="mine", iterations=9, objective=base.objective.replace(batch_real=3))
    without = 'based_on = "prism_small"\n[insertion]\nkind = "none"\n'
    path.write_text(f'{without}[synthetic]\nkind = "every_frame"\n')
    assert recipe.load(str(path)).synthetic == recipe.load("dm_small").synthetic, "interpolation stays behind"
    path.write_text(f"{without}warm_up = 0.3\n")
    with pytest.raises(VidcondenseError, match=r"'insertion\.warm_up' belongs to insertion\.kind = "):
        recipe.load(str(path))
    path.write_text('based_on = "mine.toml"\n')
    with pytest.raises(VidcondenseError, match="more than 5 others, or on itself"):
        recipe.load(str(path))
    path.write_text("based_on = 3\n")
    with pytest.raises(VidcondenseError, match="based_on must be a text, not 3"):
        recipe.load(str(path))


def test_experts_are_trained_or_named(tmp_path: Path) -> None:
    recipe.load("mtt", overrides={"objective.experts": "folder"})
    with pytest.raises(VidcondenseError, match="names trained experts"):
        recipe.load("mtt", overrides={"objective.experts": "folder", "experts.count": 3})


def test_another_kind_keeps_what_it_reads_too() -> None:
    chosen = recipe.load(
        "prism_small", overrides={"objective.kind": "gradient_matching", "insertion.kind": "none"}
    )
    assert chosen.fields()["objective.batch_real"] == 8
    assert chosen.insertion.kind == "none"
    chosen = recipe.load("mtt", overrides={"objective.kind": "distribution_matching"})
    assert "experts" not in chosen.to_dict()
