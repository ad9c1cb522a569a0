"""A network whose training takes next to no time, with dropout, so that chance plays a part."""

from torch import Tensor, nn

from vidcondense.networks.base import VideoNetwork


class Tiny(VideoNetwork):
    """Each frame at 4x4 pixels, and one layer between these and the scores."""

    def __init__(self, classes: int, frames: int, size: int) -> None:
        super().__init__()
        self.widest_activation = frames * 3 * size * size
        self.hidden = nn.Linear(frames * 3 * 16, 16)
        self.drop = nn.Dropout(0.2)
        self.scores = nn.Linear(16, classes)

    def embed(self, clips: Tensor) -> Tensor:
        """See VideoNetwork."""
        side = clips.shape[-1] // 4
        small = clips.unflatten(-1, (4, side)).unflatten(-3, (4, side)).mean((-1, -3))
        return self.hidden(small.flatten(1)).tanh()  # type: ignore[no-any-return]

    def forward(self, clips: Tensor) -> Tensor:
        """See VideoNetwork."""
        return self.scores(self.drop(self.embed(clips)))  # type: ignore[no-any-return]
