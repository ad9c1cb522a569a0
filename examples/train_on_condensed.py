"""Train a network of your own on a condensed set, with nothing but PyTorch, and test it on real clips.

python examples/train_on_condensed.py RUN/condensed.safetensors STORE
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from vidcondense import ClipStore, CondensedVideos


def network(classes: int) -> nn.Module:
    """Two 3D convolutions; takes clips (video, 3, time, height, width)."""
    return nn.Sequential(
        nn.Conv3d(3, 16, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2)),
        nn.ReLU(),
        nn.MaxPool3d((1, 2, 2)),
        nn.Conv3d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d((2, 2, 2)),
        nn.Flatten(),
        nn.Linear(256, classes),
    )


def main(file: Path, store_path: Path, epochs: int = 100) -> float:
    """Returns the top-1 accuracy on the store's test videos."""
    torch.manual_seed(0)
    condensed = CondensedVideos.load(file)  # a torch Dataset of (clip, label)
    model = network(len(condensed.class_names))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        for clips, labels in DataLoader(condensed, batch_size=64, shuffle=True):
            optimiser.zero_grad()
            F.cross_entropy(model(clips.transpose(1, 2)), labels).backward()
            optimiser.step()

    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (condensed.mean, condensed.std))
    right = total = 0
    model.eval()
    with torch.no_grad():
        for pixels, labels in ClipStore.open(store_path).read_all("test"):
            clips = (pixels / 255 - mean) / std
            right += int((model(clips.transpose(1, 2)).argmax(1) == labels).sum())
            total += len(labels)
    return right / total


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(f"top-1 {100 * main(Path(sys.argv[1]), Path(sys.argv[2])):.1f} %")
