"""Sections of gpu.py on what might pay on a GPU, each on and off, in rounds that take turns."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

import gpu_children
from clock import Spread, ratio
from gpu_job import Job, Result, needs_cuda
from speed import Shape
from vidcondense import networks
from vidcondense.base.compute import generator
from vidcondense.data.pixels import DevicePixels, FilePixels
from vidcondense.networks.base import VideoNetwork
from vidcondense.recipes import load as recipes
from vidcondense.run.state import State

WINDOWS = {"conv1": (1, 2, 2), "conv2": (2, 2, 2), "conv3": (2, 2, 2)}


def network_and_clips(job: Job, shape: Shape, clips: int) -> tuple[VideoNetwork, Tensor]:
    """A network as matching has it, and synthetic clips, on the device in its precision."""
    network = networks.build("minic3d", shape.classes, shape.frames, shape.size).requires_grad_(False)
    networks.initialise(network, generator(0))
    network.to(job.compute.device, job.compute.dtype)
    networks.channels_last(network)
    made = torch.randn(clips, shape.frames, 3, shape.size, shape.size, generator=generator(1))
    return network, made.to(job.compute.device, job.compute.dtype)


def gradient(network: VideoNetwork, leaf: Tensor) -> Tensor:
    """Of the sum of squared features by the clips: the synthetic side of an iteration."""
    (made,) = torch.autograd.grad(network.embed(leaf).float().square().sum(), leaf)
    return made


def plain(weights: Mapping[str, Tensor], clips: Tensor, order: torch.memory_format) -> Tensor:
    """Features of miniC3D by plain operators, its pixels in a memory order; of any networks under vmap."""
    x = clips.transpose(1, 2).contiguous(memory_format=order)
    for name, window in WINDOWS.items():
        x = F.conv3d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], (1, 2, 2), (1, 3, 3))
        sides = [min(side, length) for side, length in zip(window, x.shape[2:], strict=True)]
        x = F.relu(F.max_pool3d(x, sides))
    return x.flatten(1)


def layout(job: Job) -> Result:
    """Channels-last memory against contiguous memory, for plain operators."""
    result = Result()
    for shape in job.shapes:
        network, clips = network_and_clips(job, shape, shape.classes)
        sides = {}
        for name, order in (
            ("contiguous", torch.contiguous_format),
            ("channels-last", torch.channels_last_3d),
        ):
            weights = {
                key: value.contiguous(memory_format=order if value.dim() == 5 else torch.contiguous_format)
                for key, value in network.state_dict().items()
            }
            sides[name] = weights, order
        forward = {
            name: lambda w=w, o=o: plain(w, clips, o)  # noqa: B023
            for name, (w, o) in sides.items()
        }

        def there_and_back(weights: Mapping[str, Tensor], order: torch.memory_format) -> Tensor:
            leaf = clips.detach().requires_grad_()  # noqa: B023
            return torch.autograd.grad(plain(weights, leaf, order).float().square().sum(), leaf)[0]

        both = {name: lambda w=w, o=o, f=there_and_back: f(w, o) for name, (w, o) in sides.items()}
        rows = job.compared("forward", forward) + job.compared("forward and backward", both)
        result.tables[f"{clips_of(shape)}, {len(clips)} clips"] = rows
    return result


def autotune(job: Job) -> Result:
    """cuDNN tries its algorithms on the first call, or takes the one that it expects to be the fastest."""
    if not job.on_gpu:
        return needs_cuda("cudnn.benchmark", "a processor has no cuDNN")
    result = Result()
    for shape in job.shapes:
        network, clips = network_and_clips(job, shape, shape.classes)
        leaf = clips.clone().requires_grad_()
        sides = {}
        for name, tried in (("expected", False), ("tried", True)):

            def forward(tried: bool = tried, x: Tensor = clips, net: VideoNetwork = network) -> None:
                with torch.backends.cudnn.flags(benchmark=tried), torch.no_grad():
                    net.embed(x)

            def both(tried: bool = tried, x: Tensor = leaf, net: VideoNetwork = network) -> None:
                with torch.backends.cudnn.flags(benchmark=tried):
                    gradient(net, x)

            sides[name] = forward, both
        rows = job.compared("forward", {name: side[0] for name, side in sides.items()})
        rows += job.compared("forward and backward", {name: side[1] for name, side in sides.items()})
        result.tables[f"{clips_of(shape)}, {len(clips)} clips"] = rows
    return result


def graphs(job: Job) -> Result:
    """Replay of a CUDA graph of the synthetic forward and backward: what launches cost."""
    if not job.on_gpu:
        return needs_cuda("CUDA graph", "a processor has no launches to save")
    result = Result()
    for shape in job.shapes:
        for count in (1, shape.classes):
            network, clips = network_and_clips(job, shape, count)
            leaf = clips.requires_grad_()
            graph, replayed = captured(network, leaf)
            sides = {
                "launched one by one": lambda n=network, x=leaf: gradient(n, x),
                "replayed": graph.replay,
            }
            result.tables[f"{clips_of(shape)}, {count} clips"] = job.compared("CUDA graph", sides)
            off = (replayed.float() - gradient(network, leaf).float()).abs().max().item()
            result.notes.append(
                f"{clips_of(shape)}, {count} clips: largest difference of gradients {off:.3g}."
            )
    return result


def captured(network: VideoNetwork, leaf: Tensor) -> tuple["torch.cuda.CUDAGraph", Tensor]:
    """A graph of `gradient`, and the tensor that a replay writes; as PyTorch's notes on CUDA graphs do it."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            gradient(network, leaf)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made = gradient(network, leaf)
    graph.replay()
    return graph, made


def compiled(job: Job) -> Result:
    """torch.compile of the features, for real clips and for synthetic ones."""
    backend = "inductor" if job.on_gpu else "eager"
    result = Result()
    for shape in job.shapes:
        network, clips = network_and_clips(job, shape, shape.classes)
        leaf = clips.clone().requires_grad_()
        fast = torch.compile(network.embed, backend=backend)

        def back(features: object, x: Tensor = leaf) -> Tensor:
            return torch.autograd.grad(features(x).float().square().sum(), x)[0]  # type: ignore[operator]

        began = time.perf_counter()
        with torch.no_grad():
            fast(clips)
        back(fast)
        job.clock.wait()
        took = time.perf_counter() - began
        sides = {"as it is": network.embed, "compiled": fast}
        with torch.no_grad():
            forward = {name: lambda f=f, x=clips: f(x) for name, f in sides.items()}
            rows = job.compared("torch.compile, forward", forward)
        both = {name: lambda f=f, back=back: back(f) for name, f in sides.items()}
        rows += job.compared("torch.compile, forward and backward", both)
        result.tables[f"{clips_of(shape)}, {len(clips)} clips"] = rows
        result.notes.append(f"{clips_of(shape)}: compiling both took {took:.1f} s.")
        torch.compiler.reset()
    if not job.on_gpu:
        result.notes.append("On a processor with PyTorch's backend 'eager', which compiles nothing.")
    return result


def streams(job: Job) -> Result:
    """The real forward in pieces on several streams."""
    if not job.on_gpu:
        return needs_cuda("several streams", "a processor has none")
    result = Result()
    for shape in job.shapes:
        network, clips = network_and_clips(job, shape, shape.classes * shape.batch_real)
        parts = clips.split(max(1, len(clips) // 8))
        sides = {f"{count} streams": Streamed(count, network, parts) for count in (1, 2, 4)}
        with torch.no_grad():
            rows = job.compared("pieces on several streams", sides)
            rows += job.compared("all clips at once", {"one call": lambda n=network, x=clips: n.embed(x)})
        result.tables[f"{clips_of(shape)}, {len(clips)} real clips in {len(parts)} pieces"] = rows
    return result


class Streamed:
    """Features of pieces, in turn on so many streams."""

    def __init__(self, count: int, network: VideoNetwork, parts: tuple[Tensor, ...]) -> None:
        self._streams = [torch.cuda.Stream() for _ in range(count)]
        self._network, self._parts = network, parts

    def __call__(self) -> None:
        here = torch.cuda.current_stream()
        for stream in self._streams:
            stream.wait_stream(here)
        for number, part in enumerate(self._parts):
            with torch.cuda.stream(self._streams[number % len(self._streams)]):
                self._network.embed(part)
        for stream in self._streams:
            here.wait_stream(stream)


def processes(job: Job) -> Result:
    """Several processes on one device, each with iterations of its own, as shards have."""
    shape, count, numbers = job.shapes[0], 1 if job.small else 50, (1, 2) if job.small else (1, 2, 4)
    words = {"shape": list(shape), "device": str(job.compute.device), "precision": job.compute.precision}
    rates: dict[int, list[float]] = {number: [] for number in numbers}
    children = [gpu_children.Child("iterations", **words, count=count) for _ in range(numbers[-1])]
    with gpu_children.started(children):
        for _ in range(job.rounds):
            for number in numbers:
                answers = gpu_children.together(children[:number])
                rates[number].append(number * count / max(answer["seconds"] for answer in answers))
    rows = [
        {"processes": number, "iterations/s in all": Spread.of(rates[number]).median}
        | {"least": min(rates[number]), "most": max(rates[number])}
        | {"times as many as one": ratio(rates[number], rates[1]).median}
        for number in numbers
    ]
    return Result(
        {f"{clips_of(shape)}, {shape.classes} classes, {shape.batch_real} real clips of each": rows}
    )


def resident(job: Job) -> Result:
    """The store's frames in the device's memory against those in files, in iterations of `prism`."""
    few = {"objective.batch_real": 2} if job.small else {}
    recipe = recipes.load("prism", vpc=1, overrides={"iterations": 100, **few})
    states = {}
    for name, keep in (("in files", False), ("in the device's memory", True)):
        with kept(job, keep):
            states[name] = State.start(job.store, recipe, job.compute)
    store = states["in files"].store
    sides = {name: state.match for name, state in states.items()}
    rows = job.compared("frames of the store", sides)
    note = f"{store.bytes / 2**20:.0f} MiB of frames; an iteration reads "
    before = store.bytes_read
    states["in files"].match()
    return Result(
        {f"{store.name}, prism, VPC 1": rows}, [f"{note}{(store.bytes_read - before) / 2**20:.1f} MiB."]
    )


@contextmanager
def kept(job: Job, keep: bool) -> Iterator[None]:
    """Within the block, opened stores have their frames in the device's memory, or do not."""

    def near(files: FilePixels, compute: object) -> FilePixels | DevicePixels:
        return DevicePixels(files, job.compute.device) if keep else files

    with patch("vidcondense.data.store.near", near):
        yield


def many_networks(job: Job) -> Result:
    """The synthetic side on several networks, one after another and stacked (torch.func.vmap)."""
    shape, count = job.shapes[0], 2 if job.small else 8
    result = Result()
    for clips_count in (1,) if job.small else (1, shape.classes):
        drawn = []
        for number in range(count):
            network, clips = network_and_clips(job, shape, clips_count)
            networks.initialise(network.cpu(), generator(number))
            drawn.append({k: v.contiguous() for k, v in network.to(job.compute.device).state_dict().items()})
        stacked = {key: torch.stack([one[key] for one in drawn]) for key in drawn[0]}

        def loss(x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
            return plain(weights, x, torch.contiguous_format).float().square().sum()

        by_clips = torch.func.grad(loss)
        at_once = torch.func.vmap(by_clips, in_dims=(None, 0))
        sides = {
            "one after another": lambda f=by_clips, x=clips, d=drawn: [f(x, one) for one in d],
            "stacked": lambda f=at_once, x=clips, s=stacked: f(x, s),
        }
        result.tables[f"{clips_of(shape)}, {clips_count} clips, {count} networks"] = job.compared(
            "many networks at once", sides
        )
        off = (torch.stack(sides["one after another"]()) - sides["stacked"]()).float().abs().max().item()
        result.notes.append(f"{clips_count} clips: largest difference of gradients {off:.3g}.")
    return result


def clips_of(shape: Shape) -> str:
    """ "8x64x64"."""
    return f"{shape.frames}x{shape.size}x{shape.size}"
