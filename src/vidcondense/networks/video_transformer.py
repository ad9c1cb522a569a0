"""A small video transformer: tubelet tokens, attention over space and time at once."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.networks.base import VideoNetwork, centre_crop, need_pixels, pooled

GRID = 8
TUBELET_FRAMES = 2
WIDTH = 192
HEADS = 3
LAYERS = 8


class VideoTransformer(VideoNetwork):
    """ViViT model 1 (Arnab et al. 2021, "ViViT: A Video Vision Transformer", section 3.3), kept small.

    A token is a tubelet of 2 frames by 1/8 of height and width (section 3.2), so that 8x64x64 gives 256
    tokens of 2x8x8 pixels and 16x112x112 gives 512 of 2x14x14. Every token attends to every other; the
    embedding is their mean after the last normalisation, 192 features. Width and heads are those of
    DeiT-Tiny (Touvron et al. 2021). 8 layers instead of its 12 make 3.7 to 3.9 M parameters, about as many
    as miniC3D: what differs between the two is the architecture, not the size. Layers normalise first, as in
    ViT; there is no dropout.

    Pixels that 8 does not divide are cropped around the centre; of an odd T the last frame counts twice.

    Args:
        classes: number of classes.
        frames: T of the clips; any.
        size: height and width of the clips in pixels.

    Raises:
        VidcondenseError: clips too small.
    """

    def __init__(self, classes: int, frames: int, size: int) -> None:
        super().__init__()
        need_pixels("video_transformer needs", GRID, size)
        self.patch = size // GRID
        tokens = (frames + 1) // TUBELET_FRAMES * GRID**2
        self.tubelets = nn.Linear(TUBELET_FRAMES * 3 * self.patch**2, WIDTH)
        self.positions = Positions(tokens)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.logit = nn.Linear(WIDTH, classes)
        self.widest_activation = max(HEADS * tokens**2, 4 * WIDTH * tokens)

    def embed(self, clips: Tensor) -> Tensor:
        x = self.positions(self.tubelets(self._cut(clips)))
        features: Tensor = self.norm(self.layers(x))
        return features.mean(1)

    def levels(self, clips: Tensor) -> list[Tensor]:
        x, means = self.positions(self.tubelets(self._cut(clips))), []
        for layer in self.layers:
            x = layer(x)
            means.append(pooled(x.transpose(1, 2)))
        return [self.norm(x).mean(1), *means]

    def _cut(self, clips: Tensor) -> Tensor:
        """Clips to the values of their tubelets, (video, token, value)."""
        x = centre_crop(clips, GRID * self.patch)
        if x.shape[1] % TUBELET_FRAMES:
            x = torch.cat([x, x[:, -1:]], 1)
        x = x.unflatten(4, (GRID, -1)).unflatten(3, (GRID, -1)).unflatten(1, (-1, TUBELET_FRAMES))
        # (video, tubelet, frame, channel, row, height, column, width): tubelet, row, column are the token.
        tokens: Tensor = x.permute(0, 1, 4, 6, 2, 3, 5, 7).flatten(1, 3).flatten(2)
        return tokens


class Positions(nn.Module):
    """Adds a learned vector per token, started as in ViT from a normal distribution of deviation 0.02."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.empty(tokens, WIDTH))

    def draw_weights(self, generator: torch.Generator) -> None:
        """See the class."""
        self.values.normal_(0, 0.02, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """(video, token, feature) in and out."""
        return x + self.values


class Layer(nn.Module):
    """Attention and a perceptron of two layers, each on normalised tokens and added to them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_attention, self.norm_perceptron = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query_key_value, self.projection = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(video, token, feature) in and out."""
        x = x + self._attend(self.norm_attention(x))
        added: Tensor = self.narrow(F.gelu(self.widen(self.norm_perceptron(x))))
        return x + added

    def _attend(self, x: Tensor) -> Tensor:
        # Written out, because PyTorch's fused attention cannot be differentiated twice.
        query, key, value = self.query_key_value(x).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(2, 3) * query.shape[3] ** -0.5).softmax(3)
        attended: Tensor = self.projection((weights @ value).transpose(1, 2).flatten(2))
        return attended
