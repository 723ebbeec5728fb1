"""A network as small as one can be that the chapter on training stages explains."""

import torch
from torch import nn


class TwoLayers(nn.Module):
    """A body of a convolution and a linear layer behind a size, as `classifiers.Preprocessed`."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.size = 16
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
        )

    def forward(self, images):
        return self.body(images)
