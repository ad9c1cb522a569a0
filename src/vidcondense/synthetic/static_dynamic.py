"""Static and dynamic memories, joined by one shared hallucinator (Wang et al., 2024)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from vidcondense.base.compute import generator
from vidcondense.base.settings import Count, StepSize
from vidcondense.condensed import StaticDynamicVideos
from vidcondense.condensed.hallucinator import CHOICES, COMBINATIONS, hallucinate, initial
from vidcondense.synthetic.base import Stage, Synthetic, SyntheticSettings
from vidcondense.synthetic.start import Start

# Videos per convolution: bounds the memory of its input, its output and their graph.
CHUNK = 64


class StaticDynamic(Synthetic):
    """Two images and two motions per video; each draw shows one pair of every video.

    In the static stage there are no videos yet: every image is a clip that stands still, with a label of its
    own, and the images are what is learned.

    Args:
        static: (memory, 3, height, width) float32, normalised, 2 for each video in their order.
        dynamic: (memory, time, 1, height, width) float32, 2 for each video.
        hallucinator: weight (3, 4, 3, 3, 3) and bias (3,) float32.
        labels: (video,) int64, ascending.
        learn_static: whether the images go on learning beside the motions; frozen in Wang et al.
    """

    @dataclass(frozen=True, kw_only=True)
    class Settings(SyntheticSettings):
        """Images and motions joined by a small convolution, learned in two stages."""

        rates: ClassVar[Mapping[str, str]] = {
            "static": "static_learning_rate",
            "hallucinator_weight": "hallucinator_learning_rate",
            "hallucinator_bias": "hallucinator_learning_rate",
        }
        couples_classes: ClassVar[str] = "videos of all classes share one hallucinator"
        kind: str = "static_dynamic"
        init: Literal["noise", "real"] = "noise"
        """Images: N(0, 1) in normalised space, or random frames of random training videos."""
        static_iterations: Count = 0
        """Iterations of the first stage, which learns the images from single real frames."""
        static_memory: Literal["frozen", "learned"] = "frozen"
        """Whether the second stage goes on learning the images."""
        static_learning_rate: StepSize = 1.0
        """Step size of the images; the optimiser's is that of the motions."""
        hallucinator_learning_rate: StepSize = 1e-5
        """Step size of the convolution."""

        def stages(self, iterations: int) -> tuple[Stage, ...]:
            """Images alone, each a clip that stands still; then motions and hallucinator."""
            if self.static_iterations == 0:
                return super().stages(iterations)
            without = (
                'set synthetic.static_iterations = 0, and synthetic.init = "real" to start from real frames'
            )
            first = Stage("static", 0, self.static_iterations, True, CHOICES, without)
            return (first, Stage("dynamic", self.static_iterations, iterations))

        def refuses_coreset(self) -> str:
            return "a coreset keeps real clips as they are, which images and motions cannot"

        def refuses_insertion(self) -> str:
            return "static_dynamic has a motion for every frame, and interpolates none that could be inserted"

    def __init__(
        self,
        static: Tensor,
        dynamic: Tensor,
        hallucinator: tuple[Tensor, Tensor],
        labels: Tensor,
        *,
        learn_static: bool = False,
    ) -> None:
        weight, bias = hallucinator
        self.values = {
            "static": static.requires_grad_(),
            "dynamic": dynamic.requires_grad_(),
            "hallucinator_weight": weight.requires_grad_(),
            "hallucinator_bias": bias.requires_grad_(),
        }
        self.learn_static = learn_static
        self._video_labels = self.labels = labels
        self._standing = False
        self._show(torch.zeros_like(labels), torch.zeros_like(labels))

    @classmethod
    def start(cls, settings: "StaticDynamic.Settings", start: Start) -> Self:
        """See Synthetic; motions start as noise, whatever images do."""
        store, each = start.store, CHOICES * start.vpc
        rng = generator(start.seed, "noise")
        shape = (len(store.class_names) * each, store.frames, 1, start.side, start.side)
        dynamic = torch.randn(shape, generator=rng)
        static = start.images(each, settings.init, rng)
        weight, bias = initial(generator(start.seed, "hallucinator"))
        device = start.compute.device
        return cls(
            static,
            dynamic.to(device),
            (weight.to(device), bias.to(device)),
            start.labels(),
            learn_static=settings.static_memory == "learned",
        )

    def enter(self, stage: str) -> None:
        """See Synthetic; in "static" the images are learned alone."""
        self._standing = stage == "static"
        labels = self._video_labels
        self.labels = labels.repeat_interleave(CHOICES) if self._standing else labels

    def draw(self, rng: torch.Generator) -> None:
        """Choose one of the two images and one of the two motions of each video, independently."""
        shape = self._video_labels.shape
        choices = [torch.randint(CHOICES, shape, generator=rng) for _ in range(2)]
        self._show(*(choice.to(self._video_labels.device) for choice in choices))

    def _show(self, image: Tensor, motion: Tensor) -> None:
        first = CHOICES * torch.arange(len(self._video_labels), device=self._video_labels.device)
        self._images, self._motions = first + image, first + motion

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What this stage learns."""
        if self._standing:
            return {"static": self.values["static"]}
        return {name: value for name, value in self.values.items() if name != "static" or self.learn_static}

    @torch.no_grad()
    def render(self) -> Tensor:
        """The pairs of the last draw; in the static stage every image, repeated in time."""
        if self._standing:
            frames = self.values["dynamic"].shape[1]
            return self.values["static"][:, None].expand(-1, frames, -1, -1, -1).contiguous()
        parts = zip(self._images.split(CHUNK), self._motions.split(CHUNK), strict=True)
        return torch.cat([hallucinate(*self._drawn(*part)) for part in parts])

    def pull_back(self, gradient: Tensor) -> None:
        """See Synthetic; memories that were not drawn get a gradient of zero."""
        if self._standing:
            self.values["static"].grad = gradient.sum(1)
            return
        static, dynamic, weight, bias = (torch.zeros_like(value) for value in self.values.values())
        parts = (self._images.split(CHUNK), self._motions.split(CHUNK), gradient.split(CHUNK))
        for images, motions, wanted in zip(*parts, strict=True):
            leaves = [value.detach().requires_grad_() for value in self._drawn(images, motions)]
            found = torch.autograd.grad(hallucinate(*leaves), leaves, wanted)
            static[images], dynamic[motions] = found[:2]
            weight += found[2]
            bias += found[3]
        grads = dict(zip(self.values, (static, dynamic, weight, bias), strict=True))
        for name, value in self.parameters.items():
            value.grad = grads[name]

    def _drawn(self, images: Tensor, motions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        static, dynamic, weight, bias = self.values.values()
        return static[images], dynamic[motions], weight, bias

    def condensed(self, **about: Any) -> StaticDynamicVideos:
        """Both memories and the hallucinator; labels and targets of a video are those of all its clips."""
        for name in ("labels", "targets"):
            if about.get(name) is not None:
                about[name] = about[name].repeat_interleave(COMBINATIONS, 0)
        static, dynamic, weight, bias = (value.detach().cpu() for value in self.values.values())
        return StaticDynamicVideos(static=static, dynamic=dynamic, weight=weight, bias=bias, **about)

    @property
    def stored_values(self) -> int:
        """Those of both memories and the hallucinator."""
        return sum(value.numel() for value in self.values.values())

    @property
    def key_frames(self) -> int:
        """T for each video: no frame is interpolated."""
        return len(self._video_labels) * self.values["dynamic"].shape[1]

    def state(self) -> dict[str, Tensor]:
        """See Synthetic; also what this stage does not learn."""
        return {**{name: value.detach() for name, value in self.values.items()}, "labels": self.labels}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See Synthetic; `enter` the stage of `state` first."""
        for name, value in self.values.items():
            value.copy_(state[name])
        self.labels.copy_(state["labels"])
