"""The yardstick: condensation and evaluation as the papers' formulas read, slow and obvious, in float32.

One class after another, one forward pass each for real and synthetic clips, one backward over all classes,
every interpolated frame computed in a loop, contiguous memory, plain max_pool3d, as the published code does.
It shares no arithmetic with the package, so that agreement means something.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
STD = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)


class ReferenceNetwork(nn.Module):
    """ConvNet3D with plain layers for clips (video, 3, time, height, width)."""

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        kernel = {"kernel_size": (3, 7, 7), "stride": (1, 2, 2), "padding": (1, 3, 3)}
        self.features = nn.Sequential(
            nn.Conv3d(3, 64, **kernel),
            nn.ReLU(inplace=True),
            nn.MaxPool3d((1, 2, 2)),
            nn.Conv3d(64, 128, **kernel),
            nn.ReLU(inplace=True),
            nn.MaxPool3d(2),
            nn.Conv3d(128, 128, **kernel),
            nn.ReLU(inplace=True),
            nn.MaxPool3d(2),
        )
        self.pool = nn.AvgPool3d((2, 2, 2) if size > 64 else (2, 1, 1), stride=1)
        self.dropout = nn.Dropout(0.5)
        self.logit = nn.Conv3d(128, classes, 1)

    def embed(self, clips: Tensor) -> Tensor:
        """(video, feature)."""
        return self.features(clips.transpose(1, 2).contiguous()).flatten(1)

    def forward(self, clips: Tensor) -> Tensor:
        """(video, class)."""
        x = self.features(clips.transpose(1, 2).contiguous())
        return self.logit(self.dropout(self.pool(x))).squeeze(3).squeeze(3).amax(2)


def render(keys: list[Tensor], positions: list[list[int]], frames: int) -> Tensor:
    """Key frames (key frame, 3, height, width) of each video to clips (video, time, 3, height, width)."""
    clips = []
    for video, times in zip(keys, positions, strict=True):
        rendered = []
        for t in range(frames):
            if t in times:
                rendered.append(video[times.index(t)])
                continue
            right = next(i for i, k in enumerate(times) if k > t)
            alpha = (times[right] - t) / (times[right] - times[right - 1])
            rendered.append(alpha * video[right - 1] + (1 - alpha) * video[right])
        clips.append(torch.stack(rendered))
    return torch.stack(clips)


def normalise(pixels: Tensor) -> Tensor:
    """uint8 (video, time, 3, height, width) to normalised float32."""
    mean, std = MEAN.to(pixels.device), STD.to(pixels.device)
    return (pixels.float().contiguous() / 255 - mean) / std


def match(network: ReferenceNetwork, real: list[Tensor], clips: Tensor) -> tuple[float, Tensor]:
    """Loss and gradient with respect to `clips`, one class after another (DFS eq. 8).

    Args:
        network: with random weights.
        real: per class, uint8 (video, time, 3, height, width).
        clips: (video, time, 3, height, width) float32, equally many of each class, sorted by class.
    """
    leaf = clips.clone().requires_grad_()
    loss = torch.zeros((), device=clips.device)
    for ours, pixels in zip(leaf.chunk(len(real)), real, strict=True):
        with torch.no_grad():
            real_features = network.embed(normalise(pixels))
        loss = loss + (network.embed(ours).mean(0) - real_features.mean(0)).square().sum()
    loss.backward()
    assert leaf.grad is not None
    return loss.item(), leaf.grad


def candidates(gradient: Tensor, positions: list[list[int]]) -> list[tuple[int, int]]:
    """(video, time) of the most opposed interpolated frame of each video that has one, by a loop."""
    found = []
    for video, times in enumerate(positions):
        best: tuple[float, int] | None = None
        for t in range(gradient.shape[1]):
            if t in times:
                continue
            right = next(k for k in times if k > t)
            left = max(k for k in times if k < t)
            g = gradient[video, t].flatten()
            a = F.cosine_similarity(g, gradient[video, left].flatten(), dim=0).item()
            b = F.cosine_similarity(g, gradient[video, right].flatten(), dim=0).item()
            if a < 0 and b < 0 and (best is None or a + b < best[0]):
                best = (a + b, t)
        if best is not None:
            found.append((video, best[1]))
    return found


def train_step(
    network: ReferenceNetwork, optimiser: torch.optim.Optimizer, clips: Tensor, labels: Tensor
) -> float:
    """One step of an evaluation network on clips (video, time, 3, height, width) float32."""
    network.train()
    optimiser.zero_grad()
    loss = F.cross_entropy(network(clips), labels)
    loss.backward()
    optimiser.step()
    return loss.item()


@torch.no_grad()
def scores(network: ReferenceNetwork, pixels: Tensor) -> Tensor:
    """Class scores of uint8 clips."""
    network.eval()
    return network(normalise(pixels))
