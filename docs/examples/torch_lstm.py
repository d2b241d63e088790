"""An LSTM that remembers: Letkeman's rule, one-hot input, gates apart, orthogonal recurrence."""

import torch
from torch import nn
from torch.nn import functional

import irwinhall.torch as init


class Memory(nn.Module):
    """An LSTM on tokens, and a classifier of what it last puts out."""

    def __init__(self, tokens: int = 8, width: int = 48) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, tokens)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of (batch, length) tokens."""
        return self.head(self.lstm(self.embedding(x))[0][:, -1])


def train(steps: int = 80, seed: int = 1) -> list[float]:
    """Return the loss at every step, of naming the first of 10 tokens after the last."""
    model = Memory()
    report = init.init_weights(
        model, "letkeman", seed=seed, forget_bias=1.0, plan={"head.weight": {"factor": 0.1}}
    )
    print(report)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        tokens = torch.randint(8, (64, 10), generator=generator)
        loss = functional.cross_entropy(model(tokens), tokens[:, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    print(*(f"{loss:.3f}" for loss in train()))
