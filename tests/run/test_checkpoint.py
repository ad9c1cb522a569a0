"""Checkpoints: what is saved is what is loaded, and anything else is refused."""

import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vidcondense.base.errors import VidcondenseError
from vidcondense.run.checkpoint import Checkpoint

DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
)


def made(iteration: int = 7) -> Checkpoint:
    values = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    tensors = {
        "synthetic": {"values": values, "is_key": torch.tensor([[True, False]])},
        "optimiser": {"step": torch.tensor(7.0), "momentum_buffer": values.T},  # not contiguous
        "objective": {
            str(dtype): torch.zeros(3, 0 if dtype == torch.uint8 else 2).to(dtype) for dtype in DTYPES
        },
    }
    return Checkpoint(iteration, 1.25, 345, tensors)


def test_round_trip(tmp_path: Path) -> None:
    before = made()
    before.save(tmp_path / "checkpoint.safetensors")
    after = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert (after.iteration, after.seconds, after.metrics_bytes) == (7, 1.25, 345)
    assert after.tensors.keys() == before.tensors.keys()
    for owner, tensors in before.tensors.items():
        assert after.tensors[owner].keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert torch.equal(after.tensors[owner][name], tensor)
            assert after.tensors[owner][name].dtype == tensor.dtype


def test_a_failing_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    made(7).save(path)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size // 2, limits[1]))
    try:
        with pytest.raises(VidcondenseError, match=f"cannot write {path}: .*File too large"):
            made(8).save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert Checkpoint.load(path).iteration == 7
    assert list(tmp_path.iterdir()) == [path]


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    made().save(path)
    whole = path.read_bytes()
    for data in (whole[:5], whole[: len(whole) // 2], whole[:-1], b"text", b""):
        path.write_bytes(data)
        with pytest.raises(VidcondenseError, match="not a usable checkpoint"):
            Checkpoint.load(path)
    for metadata in (
        None,
        {"checkpoint": "{"},
        {"checkpoint": "[1]"},
        {"checkpoint": '{"iteration": 1}'},
        {"checkpoint": '{"iteration": null, "seconds": 1, "metrics_bytes": 0}'},
    ):
        save_file({"a.b": torch.zeros(1)}, path, metadata=metadata)
        with pytest.raises(VidcondenseError, match="not a usable checkpoint"):
            Checkpoint.load(path)
    with pytest.raises(VidcondenseError, match=r"cannot read .*missing: No such file"):
        Checkpoint.load(tmp_path / "missing")


@pytest.mark.parametrize(
    "numbers",
    [
        '{"iteration": -1, "seconds": 0, "metrics_bytes": 0}',
        '{"iteration": 1, "seconds": Infinity, "metrics_bytes": 0}',
        '{"iteration": 1e999, "seconds": 0, "metrics_bytes": 0}',
        '{"iteration": 1, "seconds": NaN, "metrics_bytes": 0}',
        '{"iteration": true, "seconds": 0, "metrics_bytes": 0}',
        '{"iteration": 9223372036854775808, "seconds": 0, "metrics_bytes": 0}',
        '{"iteration": ' + "9" * 5000 + ', "seconds": 0, "metrics_bytes": 0}',
        '{"iteration": 1, "seconds": 0}',
        "[" * 100_000,
        "[]",
    ],
)
def test_numbers_that_make_no_sense_are_refused(numbers: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_file({"a.b": torch.zeros(1)}, path, metadata={"checkpoint": numbers})
    with pytest.raises(VidcondenseError, match="not a usable checkpoint"):
        Checkpoint.load(path)
