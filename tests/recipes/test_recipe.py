"""Recipes: what comes with the package, published hyper-parameters, overrides and refusals."""

from pathlib import Path

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.recipes import load as recipe


@pytest.mark.parametrize("name", recipe.available())
def test_every_recipe_loads_under_its_own_name_and_has_a_debug_twin(name: str) -> None:
    loaded = recipe.load(name)
    assert loaded.name == name
    assert loaded.description
    assert recipe.from_dict(loaded.to_dict()) == loaded
    assert name.endswith("_debug") or f"{name}_debug" in recipe.available()


def test_published_step_sizes_of_wang() -> None:
    found = [recipe.load("wang", vpc=vpc).optimiser for vpc in (1, 5)]
    assert [(one.learning_rate, one.hallucinator_learning_rate) for one in found] == [
        (1e-4, 1e-5),
        (1e3, 1e-6),
    ]
    wang = recipe.load("wang")
    assert (wang.iterations, wang.objective.batch_real, wang.optimiser.momentum) == (5000, 64, 0.95)
    assert [(stage.name, stage.first, stage.iterations) for stage in wang.stages] == [
        ("static", 0, 3000),
        ("dynamic", 3000, 5000),
    ]
    assert recipe.load("prism").stages == (recipe.Stage("", 0, 5000),)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("wang", {"insertion.kind": "gradient"}, "static_dynamic has a motion for every frame"),
        ("wang", {"objective.kind": "trajectory_matching"}, "images that stand still"),
        ("wang", {"coreset.kind": "random", "iterations": 0}, "which static_dynamic cannot"),
        ("wang", {"static_iterations": -1}, "static_iterations must be at least 0"),
        ("dm", {"static_iterations": 1}, "belongs to synthetic.kind = \"static_dynamic\", not 'every_frame'"),
        ("wang", {"optimiser.hallucinator_learning_rate": 0.0}, "hallucinator_learning_rate must be above 0"),
        ("wang", {"optimiser.static_learning_rate": -1.0}, "static_learning_rate must be above 0"),
    ],
)
def test_what_memories_cannot_do_is_refused(name: str, overrides: dict[str, object], message: str) -> None:
    with pytest.raises(VidcondenseError, match=message):
        recipe.load(name, overrides=overrides)


def test_debug_twins_are_the_same_method() -> None:
    for name in recipe.available():
        if name.endswith("_debug"):
            twin, full = recipe.load(name), recipe.load(name.removesuffix("_debug"))
            assert twin.synthetic == full.synthetic
            assert twin.insertion == full.insertion
            assert twin.optimiser == full.optimiser
            assert twin.coreset == full.coreset


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
        assert loaded.experts == recipe.ExpertSettings(count=30, epochs=50, batch=256, learning_rate=0.01)
        objective, optimiser = loaded.objective, loaded.optimiser
        assert (objective.max_start_epoch, objective.expert_epochs, objective.synthetic_steps) == (10, 1, 10)
        assert (objective.step_size, objective.batch_synthetic) == (0.01, 0)
        assert (optimiser.learning_rate, optimiser.step_size_learning_rate) == (1e5, 1e-5)
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
        ("vpc=0", "vpc must be at least 1"),
        ("vpc=many", "'vpc' must be of type int, not 'many'"),
        ("iterations=many", "'iterations' must be of type int, not 'many'"),
        ("iterations=1.5", "'iterations' must be of type int"),
        ("flip=true", "'flip' must be of type float"),
        ("synthetic.init=zeros", "must be one of noise, real"),
        ("optimiser=3", "is a table of settings"),
        ("vpc.x=3", "unknown recipe key"),
        ("optimiser.learning_rate=-1", "must be above 0"),
        ("optimiser.learning_rate=inf", "must be of type float, not inf"),
        ("optimiser.learning_rate=nan", "must be of type float, not nan"),
        ("optimiser.learning_rate=1e39", "is too large"),
        ("experts.learning_rate=1e39", "is too large"),
        ("optimiser.learning_rate=1e-60", "optimiser.learning_rate = 1e-60 is too small"),
        ("optimiser.targets_learning_rate=1e-60", "is too small"),
        ("objective.step_size=1e-60", "is too small"),
        ("seed=99999999999999999999", "'seed' must be of type int"),
        ('objective.experts="a\\u0000b"', "holds a zero byte"),
        ("insertion.warm_up=1.2", "share in"),
        ("synthetic.kind=every_frame", "nothing left to insert"),
        ("frames", "key=value"),
        ("coreset.kind=random", "iterations must be 0"),
        ("coreset=random", "is a table of settings"),
        ("coreset.features=trained", "coreset.kind = 'none' reads none"),
        ("coreset.kind=k_centre", "must be one of none, random, herding, k_center"),
        ("optimiser.low_pass=-1", "must be at least 0"),
        ("synthetic.initial_key_frames=0", "initial_key_frames must be at least 1, not 0"),
        ("synthetic.segments=0", "segments must be at least 1"),
        ("synthetic.segments=3", "= 2 cannot be shared equally by synthetic.segments = 3; choose 3"),
        ("synthetic.interpolation=cubic", "must be one of linear, nearest, smooth"),
        ("synthetic.interpolation=smooth", "with 'smooth' a new key frame would change the frames around it"),
        ("objective.real_frames=-1", "real_frames must be at least 0"),
        ("insertion.threshold=1.5", r"a cosine in \[-1, 1\], not 1.5"),
        ("insertion.kind=l2_above", r"a distance of unit vectors in \(0, 2\) .*0.141"),
        ("insertion.kind=uniform", "mean_key_frames, so that needs a value"),
        ("insertion.mean_key_frames=0.5", "must be 0 or at least 1"),
        ("insertion.most=3", 'limits insertion.select = "all"'),
        ("insertion.most=-1", "most must be at least 0"),
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
    with pytest.raises(VidcondenseError, match="vpc must be at least 1, not 0"):
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
