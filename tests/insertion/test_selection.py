"""Selection against sorting in a loop."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vidcondense.insertion.selection import lowest, lowest_of_all, random_share


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 7), min_size=3, max_size=3))
def test_the_lowest_of_each_row_and_of_all(seed: int, counts: list[int]) -> None:
    rng = torch.Generator().manual_seed(seed)
    score = torch.randint(0, 5, (3, 6), generator=rng).float()  # with ties
    candidate = torch.rand(3, 6, generator=rng) < 0.6
    chosen = lowest(score, candidate, torch.tensor(counts)[:, None])
    for row, count in enumerate(counts):
        places = sorted((float(score[row, i]), i) for i in range(6) if candidate[row, i])[:count]
        assert chosen[row].nonzero().flatten().tolist() == sorted(i for _, i in places)
    together = lowest_of_all(score, candidate, counts[0])
    order = sorted((float(score[v, i]), v, i) for v in range(3) for i in range(6) if candidate[v, i])
    assert together.nonzero().tolist() == sorted([v, i] for _, v, i in order[: counts[0]])


def test_a_share_is_binomial() -> None:
    rng = torch.Generator().manual_seed(0)
    counts = torch.tensor([random_share(10, 0.25, rng) for _ in range(2000)], dtype=torch.float64)
    assert abs(counts.mean() - 2.5) < 0.12
    assert abs(counts.var() - 10 * 0.25 * 0.75) < 0.3
    again = [random_share(10, 0.5, torch.Generator().manual_seed(3)) for _ in range(20)]
    assert len(set(again)) == 1
    assert random_share(7, 1.0, rng) == 7
    assert random_share(0, 1.0, rng) == 0
