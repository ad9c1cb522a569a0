"""miniC3D's first two layers, forward and both gradients: compiled, and as PyTorch's operators do them.

    python measurements/convolutions.py [--threads 1] [--rounds 7]

Milliseconds of 8 clips of 8x64x64 in float32, the best of the rounds. "Weights" is a forward pass with its
gradient of the weights, the kernel's side included. ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2
MKL_ENABLE_INSTRUCTIONS=AVX2 show what a processor with AVX2 alone would do.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from vidcondense.networks import winograd
from vidcondense.networks.cpu import column_pairs, winograd_in_time

LAYERS = {"first": (3, 64, 64, column_pairs), "second": (64, 128, 16, winograd_in_time)}
"""Channels in and out, height and width, and the way without the compiled convolutions."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if not winograd.built():
        parser.error("the compiled convolutions were not built")
    print(f"{torch.backends.cpu.get_cpu_capability()}, {options.threads} threads")
    for name, (channels, out, size, other) in LAYERS.items():
        layer = nn.Conv3d(channels, out, (3, 7, 7), (1, 2, 2), (1, 3, 3))
        layer = layer.to(memory_format=torch.channels_last_3d)
        x = torch.randn(8, channels, 8, size, size).contiguous(memory_format=torch.channels_last_3d)
        for way, convolve in (("PyTorch's", other), ("compiled", winograd.convolve)):
            found = [best(do, options.rounds) for do in passes(layer, x, convolve)]
            print(
                f"{name} layer, {way:9}: forward {found[0]:5.1f} ms, gradient of clips {found[1]:5.1f}, "
                f"forward and gradient of weights {found[2]:5.1f}"
            )


def passes(
    layer: nn.Conv3d, x: Tensor, convolve: Callable[[nn.Conv3d, Tensor], Tensor]
) -> list[Callable[[], object]]:
    """The forward pass, the way back to clips, and forward and back to weights."""
    layer.requires_grad_(False)
    clips = x.clone().requires_grad_()
    to_clips = convolve(layer, clips)
    slope = torch.randn_like(to_clips)

    def forward() -> object:
        with torch.no_grad():
            return convolve(layer, x)

    def of_weights() -> object:
        layer.requires_grad_(True)
        found = torch.autograd.grad(convolve(layer, x), layer.weight, slope)
        layer.requires_grad_(False)
        return found

    return [
        forward,
        lambda: torch.autograd.grad(to_clips, clips, slope, retain_graph=True),
        of_weights,
    ]


def best(do: Callable[[], object], rounds: int) -> float:
    """Milliseconds of the fastest round, after one to warm up."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        do()
        times.append(1000 * (time.perf_counter() - began))
    return min(times[1:])


if __name__ == "__main__":
    main()
