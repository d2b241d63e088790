"""A small GPT on sequences that repeat: fused projections, tied embeddings, scaled branches."""

import torch
from torch import nn
from torch.nn import functional

import irwinhall.torch as init


class Block(nn.Module):
    """Attention and a perceptron, each a branch behind a norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (batch, length, width) from the same."""
        parts = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).movedim(2, 0)
        query, key, value = parts.transpose(2, 3)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """A decoder whose embedding is also its last layer."""

    def __init__(
        self, tokens: int = 32, width: int = 64, layers: int = 2, length: int = 32
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.positions = nn.Parameter(torch.empty(length, width))
        self.blocks = nn.Sequential(*(Block(width, 4) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, tokens, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of the next token at each place of (batch, length) tokens."""
        embedded = self.embedding(x) + self.positions[: x.shape[1]]
        return self.head(self.norm(self.blocks(embedded)))


def train(steps: int = 60, seed: int = 1) -> list[float]:
    """Return the loss at every step."""
    model = Transformer()
    small = {"scheme": "truncated_normal", "gain": 0.02}
    report = init.init_weights(
        model,
        "xavier_uniform",
        seed=seed,
        plan={
            "head.weight": small,  # the embedding too: they are one
            "positions": small,
            "*.qkv.weight": {"parts": 3},
            "*.down.weight": {"gain": "gelu"},
        },
        residual=("*.out.weight", "*.down.weight"),  # times 1/sqrt(2 layers)
    )
    print(report)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        half = torch.randint(32, (32, 16), generator=generator)
        tokens = torch.cat([half, half], dim=1)
        logits = model(tokens[:, :-1])[:, 15:]  # the second half can be known
        loss = functional.cross_entropy(logits.flatten(0, 1), tokens[:, 16:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    print(*(f"{loss:.3f}" for loss in train()))
