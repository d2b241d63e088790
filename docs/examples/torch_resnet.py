"""A residual convolution network on pictures of bars: He's rule, and a small last layer."""

import torch
from torch import nn
from torch.nn import functional

import irwinhall.torch as init


class Block(nn.Module):
    """relu(x + branch(x))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, of the shape of its input."""
        branch = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(x + self.norm2(self.conv2(branch)))


class ResNet(nn.Module):
    """A stem, some blocks, and a classifier of the mean over the picture."""

    def __init__(self, channels: int = 16, blocks: int = 3, classes: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.head = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of (batch, 1, height, width) pictures."""
        return self.head(self.blocks(functional.relu(self.stem(x))).mean((2, 3)))


def pictures(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noise with a bar in it: across, down, or along either diagonal."""
    classes = torch.randint(4, (count,), generator=generator)
    row, column = torch.meshgrid(torch.arange(12), torch.arange(12), indexing="ij")
    lines = torch.stack([row - 6, column - 6, row - column, row + column - 11])
    bars = (lines.abs() < 2).float()[classes]
    noise = 0.5 * torch.randn(count, 12, 12, generator=generator)
    return (bars + noise)[:, None], classes


def train(steps: int = 30, seed: int = 1) -> list[float]:
    """Return the loss at every step."""
    model = ResNet()
    report = init.init_weights(
        model,
        "he_normal_fan_out",
        seed=seed,
        plan={"head.weight": {"scheme": "normal", "gain": 0.1}},
    )
    print(report)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        images, classes = pictures(64, generator)
        loss = functional.cross_entropy(model(images), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    print(*(f"{loss:.3f}" for loss in train()))
