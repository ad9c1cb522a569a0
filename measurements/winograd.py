"""What Winograd's convolution in space and time would give: miniC3D's second layer, forward, in float32.

    python measurements/winograd.py [--clips 8] [--rounds 9] [--native x86-64-v3]

Beside today's path (Winograd in time, networks/cpu.py) and PyTorch's, in one run, the rounds in turn. The
transforms are winograd.c, compiled here with gcc; the products between them are PyTorch's. F(2, 3) in time
and F(4, 4) along both sides need 196 products for 32 values where the plain method needs 1,536 (Lavin and
Gray, arXiv 1509.09308). ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 and --native x86-64-v3 show what a
processor with AVX2 alone would do.
"""

import argparse
import ctypes
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.networks.cpu import winograd_in_time

POINTS, TAPS, TILE = 7, 4, 4
VALUES = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5)  # and infinity
IN_TIME = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
MOST_TILES = 256
"""Tiles at a time: more leave the caches, and fewer read the kernel too often."""


def compiled(native: str | None) -> ctypes.CDLL:
    """The transforms; `native` is an architecture of gcc's in place of choosing by the processor."""
    source, folder = Path(__file__).with_suffix(".c"), Path(tempfile.mkdtemp())
    text = source.read_text()
    if native:
        text = text.replace("defined(__x86_64__)", "0")
    (folder / "w.c").write_text(text)
    options = ["-O3", "-std=gnu11", "-shared", "-fPIC", *([f"-march={native}"] if native else [])]
    subprocess.run(["gcc", *options, "-o", str(folder / "w.so"), str(folder / "w.c")], check=True)
    return ctypes.CDLL(str(folder / "w.so"))


def points(terms: int) -> Tensor:
    """(POINTS, terms) float64: the powers of each point; at infinity only the highest counts."""
    powers = torch.tensor(VALUES, dtype=torch.float64)[:, None] ** torch.arange(terms)
    infinity = torch.zeros(1, terms, dtype=torch.float64)
    infinity[0, -1] = 1
    return torch.cat([powers, infinity])


def kernel_side(weight: Tensor) -> Tensor:
    """(4 x POINTS x POINTS, 4 x channels in, channels out) of weights (out, in, 3, 7, 7)."""
    out, channels = weight.shape[:2]
    taps = F.pad(weight.double(), (1, 0, 1, 0)).reshape(out, channels, 3, TAPS, 2, TAPS, 2)
    u = torch.tensor(IN_TIME, dtype=torch.float64) @ taps.permute(2, 3, 5, 4, 6, 1, 0).reshape(3, -1)
    u = (points(TAPS) @ u.reshape(4, TAPS, -1)).reshape(4 * POINTS, TAPS, -1)
    return (points(TAPS) @ u).reshape(4 * POINTS * POINTS, 4 * channels, out).float()


class Winograd:
    """The convolution of one layer."""

    def __init__(self, layer: nn.Conv3d, library: ctypes.CDLL) -> None:
        self.kernel, self.bias, self.library = kernel_side(layer.weight), layer.bias, library
        self.clip = torch.linalg.inv(points(POINTS)).T.float().contiguous()
        self.product = points(TILE).T.float().contiguous()
        self.pool = ThreadPoolExecutor(torch.get_num_threads())
        self.buffers: dict[str, Tensor] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """Of x (video, time, height, width, channel), contiguous; the same order comes back."""
        pairs, rows, columns = (x.shape[1] + 1) // 2, -(-x.shape[2] // 8), -(-x.shape[3] // 8)
        clips = max(1, MOST_TILES // (pairs * rows * columns))
        return torch.cat([self._part(part, (pairs, rows, columns)) for part in x.split(clips)])

    def _part(self, x: Tensor, grid: tuple[int, int, int]) -> Tensor:
        videos, steps, height, width, channels = x.shape
        tiles, out = videos * grid[0] * grid[1] * grid[2], self.kernel.shape[2]
        left, products = self._buffer("left", tiles, 4 * channels), self._buffer("products", tiles, out)
        sizes = (steps, height, width, channels, *grid, left.stride(0))
        self._in_threads(self.library.transform_clips, (x, left, self.clip), sizes, tiles)
        torch.bmm(left, self.kernel, out=products)
        y = torch.empty(videos, steps, (height + 1) // 2, (width + 1) // 2, out)
        sizes = (steps, y.shape[2], y.shape[3], out, *grid, products.stride(0))
        of = (products, y, self.product, self.bias)
        self._in_threads(self.library.transform_products, of, sizes, tiles)
        return y

    def _buffer(self, name: str, tiles: int, channels: int) -> Tensor:
        """Kept from call to call: fresh memory costs as much as the transforms."""
        apart = tiles * channels + 16
        held = self.buffers.get(name)
        if held is None or held.numel() < 4 * POINTS * POINTS * apart:
            held = self.buffers[name] = torch.empty(4 * POINTS * POINTS * apart)
        return held.as_strided((4 * POINTS * POINTS, tiles, channels), (apart, channels, 1))

    def _in_threads(self, function, tensors, sizes, tiles) -> None:  # type: ignore[no-untyped-def]
        count = torch.get_num_threads()
        fixed = (*(ctypes.c_void_p(one.data_ptr()) for one in tensors), *map(ctypes.c_int64, sizes))
        ends = [ctypes.c_int64(tiles * part // count) for part in range(count + 1)]
        list(self.pool.map(lambda part: function(*fixed, ends[part], ends[part + 1]), range(count)))


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--native", metavar="ARCH")
    options = parser.parse_args()
    library = compiled(options.native)
    torch.manual_seed(0)
    for steps, size, clips in ((8, 16, "8x64x64"), (16, 28, "16x112x112")):
        layer = nn.Conv3d(64, 128, (3, 7, 7), (1, 2, 2), (1, 3, 3))
        x = torch.randn(options.clips, steps, size, size, 64)
        seen, ours = x.movedim(-1, 1), Winograd(layer, library)
        paths = {
            "in space and time": lambda ours=ours, x=x: ours(x),
            "in time (today)": lambda layer=layer, x=seen: winograd_in_time(layer, x),
            "PyTorch": lambda layer=layer, x=seen: layer(x),
        }
        exact = layer.double()(seen.double()).movedim(1, -1)
        layer.float()
        error = (ours(x) - exact).square().mean().sqrt() / exact.std()
        spent: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(options.rounds):
            for name, path in paths.items():
                begin = time.perf_counter()
                path()
                spent[name].append(1000 * (time.perf_counter() - begin) / options.clips)
        print(f"clips of {clips}: error {error:.1e} of a value's standard deviation")
        for name, times in spent.items():
            ratios = [other / own for other, own in zip(times, spent["in space and time"], strict=True)]
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            print(f"  {name:18} {statistics.median(times):6.2f} ms a clip, {spread} times ours")
        begin = time.perf_counter()
        kernel_side(layer.weight)
        print(f"  kernel's side      {1000 * (time.perf_counter() - begin):6.1f} ms a network")


if __name__ == "__main__":
    main()
