"""A small run folder as condense and evaluate leave it; class names are as hostile as user input may be."""

import json
from pathlib import Path
from typing import Any

import torch

from vidcondense.condensed import KeyFrameVideos

CLASSES = ("walk", "<script>alert(1)</script>", 'a "b" & </script>')
FRAMES = 6
# (position, iteration it was inserted in) of each video; None is from the start.
KEYS: list[list[tuple[int, int | None]]] = [
    [(0, None), (2, 31), (5, None)],
    [(0, None), (5, None)],
    [(0, None), (1, 44), (3, 25), (5, None)],
]


def condensed_videos() -> KeyFrameVideos:
    """Three videos, one per class, of 6 frames of 8 x 10 pixels."""
    generator = torch.Generator().manual_seed(0)
    positions = [time for keys in KEYS for time, _ in keys]
    return KeyFrameVideos(
        key_frames=torch.randn(len(positions), 3, 8, 10, generator=generator),
        positions=torch.tensor(positions),
        counts=torch.tensor([len(keys) for keys in KEYS]),
        labels=torch.arange(3),
        class_names=CLASSES,
        frames=FRAMES,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        provenance={"seed": 3},
    )


def metrics() -> list[dict[str, Any]]:
    """100 iterations of falling loss and the insertions of KEYS."""
    events: list[dict[str, Any]] = [
        {"event": "iteration", "iteration": i, "loss": 50 / (i + 1), "key_frames": 6} for i in range(100)
    ]
    for video, keys in enumerate(KEYS):
        for time, since in keys:
            if since is not None:
                events.append({"event": "insertion", "iteration": since, "video": video, "position": time})
    return events


def evaluation(mean: float = 0.625) -> dict[str, Any]:
    """An evaluation of three networks, one of which diverged, on 12 test videos."""
    return {
        "protocol": "strict",
        "network": "minic3d",
        "networks": 3,
        "diverged": 1,
        "top1": {"mean": mean, "std": 0.0125, "values": [mean - 0.0125, None, mean + 0.0125]},
        "top5": {"mean": 1.0, "std": 0.0, "values": [1.0, 1.0]},
        "per_class": dict(zip(CLASSES, (0.75, 0.5, 0.625), strict=True)),
        "confusion": [[6, 2, 0], [1, 4, 3], [3, 0, 5]],
        "test_videos": 12,
        "seconds": 3.0,
        "settings": {"epochs": 40},
    }


def write_run(folder: Path, recipe: str = "prism", mean: float | None = 0.625) -> Path:
    """Write a run folder; `recipe` is its recipe's name, `mean` its accuracy, None for not evaluated."""
    (folder / "evaluations").mkdir(parents=True)
    condensed_videos().save(folder / "condensed.safetensors")
    insertion = {"warm_up": 0.2, "cool_down": 0.3}
    coreset = {"kind": "random" if recipe.startswith("random") else "none"}
    run = {
        "format": 1,
        "status": "finished",
        "recipe": {"name": recipe, "vpc": 1, "iterations": 100, "insertion": insertion, "coreset": coreset},
        "store": {
            "name": "tiny <b>set</b>",
            "fingerprint": "f1",
            "classes": list(CLASSES),
            "train_videos": 90,
        },
        "seconds": 12.3,
        "iterations": 100,
    }
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, metrics())))
    if mean is not None:
        (folder / "evaluations" / "strict.json").write_text(json.dumps(evaluation(mean)))
    return folder
