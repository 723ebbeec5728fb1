"""Images with planted marks and a network that is right by construction, for several tests."""

import torch
from torch import nn

from helpers.planted import marks
from helpers.trials import settings as sizes

COUNT = 12
SETTINGS = sizes.parse(
    {
        **sizes.of_profile("smoke"),
        "levels": "1", "seeds": 2, "steps": 8, "strengths": "gaussian noise 0.05; rotation 10",
    }
)  # fmt: skip


def backgrounds(count=COUNT):
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    return nn.functional.interpolate(coarse, (marks.SIDE, marks.SIDE), mode="bilinear")


class Detector(nn.Module):
    """A network by construction: a class's logit is how strong its pattern is where it is best."""

    def __init__(self):
        super().__init__()
        axis = marks.COLORS[0] - marks.COLORS[1]
        kernels = marks.patterns()[:, None] * axis[:, None, None] / marks.MARK
        self.features = nn.Conv2d(3, 4, marks.MARK, bias=False)
        self.features.weight = nn.Parameter(kernels, requires_grad=False)

    def forward(self, images):
        return self.features(images).amax((2, 3))
