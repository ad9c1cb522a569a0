"""The papers' figures."""

from vidcondense.benchmark.published import figures, lookup


def test_figures_of_the_papers() -> None:
    def mean(*key: str) -> list[tuple[float, float | None]]:
        return [(one.mean, one.std) for one in lookup(*key)]

    assert mean("accuracy", "miniucf", "prism", "VPC 1") == [(17.9, 0.3)]
    assert mean("accuracy", "hmdb51", "dm", "VPC 10") == [(12.1, 0.4)]
    assert mean("accuracy", "kinetics400", "dm", "VPC 5") == [(9.1, 0.9)]
    assert mean("accuracy", "ssv2", "k_center", "VPC 5") == [(4.5, 0.1)]
    assert mean("accuracy", "miniucf", "wang", "VPC 10") == []
    assert mean("accuracy", "hmdb51", "whole", "all") == [(25.4, 0.2)]
    assert mean("storage", "miniucf", "prism", "VPC 10") == [(324, None)]
    assert mean("storage", "hmdb51", "k_center", "VPC 5") == [(586, None)]
    assert mean("storage", "hmdb51", "k_center", "VPC 10") == [(1150, None), (1170, None)]
    assert mean("cross-architecture", "miniucf", "prism", "cnn_lstm") == [(18.2, 1.3)]
    assert mean("initial-frames", "hmdb51", "8 key frames", "top-1") == [(4.9, 0.2), (5.6, 0.2)]
    assert mean("ablation", "miniucf", "no-cool-down", "top-1") == [(16.9, 1.3)]


def test_every_entry_of_every_table_is_there_once() -> None:
    keys = [(one.table, one.dataset, one.row, one.column, one.source) for one in figures()]
    assert len(set(keys)) == len(keys)
    counts = {table: sum(one.table == table for one in figures()) for table in {key[0] for key in keys}}
    assert counts == {
        "accuracy": 2 * (5 * 3 + 2) + 2 * 6 * 2 + 4,
        "storage": 2 * (5 * 3 + 2) + 2 + 3,
        "storage-percent": 2 * (5 * 3 + 2),
        "cross-architecture": 9,
        "initial-frames": 20,
        "ablation": 12,
    }


def test_only_who_prints_a_figure_is_named() -> None:
    def sources(*key: str) -> list[str]:
        return [figure.source for figure in lookup(*key)]

    assert sources("accuracy", "miniucf", "dm", "VPC 1") == ["PRISM, DFS"]
    assert sources("ablation", "hmdb51", "l2", "top-1") == ["PRISM, DFS"]
    assert sources("ablation", "miniucf", "no-insertion", "top-1") == ["PRISM, DFS"]
    for variant in ("l2", "no-warm-up", "no-cool-down"):
        assert sources("ablation", "miniucf", variant, "top-1") == ["PRISM"]
    assert sources("storage-percent", "miniucf", "prism", "VPC 1") == ["DFS"]
    assert sources("storage", "miniucf", "random", "VPC 10") == ["PRISM, DFS"]
    assert sources("storage", "miniucf", "dm", "VPC 10") == ["DFS", "PRISM"]
