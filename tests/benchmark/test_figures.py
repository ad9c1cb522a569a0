"""Pictures of kept frames: borders around those that were inserted too early or too late."""

from dataclasses import replace

import numpy as np
import torch
from tiny_run import condensed_videos

from vidcondense.benchmark.extras import _ill_timed
from vidcondense.benchmark.figures import Kept, _bordered
from vidcondense.report.run import Insertion


def test_frames_of_the_first_and_last_fifth_are_ill_timed() -> None:
    condensed = condensed_videos()
    events = [Insertion(19, 0, 2), Insertion(20, 2, 1), Insertion(79, 2, 3), Insertion(80, 2, 5)]
    assert _ill_timed(condensed, events, 100) == {(0, 2): "early", (2, 5): "late"}
    same = replace(condensed, labels=torch.tensor([0, 1, 0]))
    assert _ill_timed(same, events, 100) == {(0, 2): "early"}, "of the first video of a class alone"


def test_frames_that_were_dropped_again_are_not_ill_timed() -> None:
    events = [Insertion(1, 0, 4), Insertion(2, 0, 2), Insertion(50, 0, 2), Insertion(90, 2, 1)]
    assert _ill_timed(condensed_videos(), events, 100) == {(2, 1): "late"}


def test_borders_are_red_and_blue_around_the_frame() -> None:
    frames = torch.full((2, 4, 32, 32, 3), 7, dtype=torch.uint8).numpy()
    kept = Kept(np.zeros((2, 4)), [], 10, frames, {(0, 1): "early", (0, 2): "late", (1, 3): "early"})
    drawn = _bordered(kept, 0)
    assert (drawn[:, 2:-2, 2:-2] == 7).all()
    assert (drawn[[0, 3]] == 7).all()
    red, blue = drawn[1, 0, 16].tolist(), drawn[2, 31, 16].tolist()
    assert red[0] > 200 > red[1] and blue[2] > 200 > blue[0]
    assert (frames == 7).all()
