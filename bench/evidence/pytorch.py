"""The recipes of src/train/recipe.ts for BERT and the Conformer in PyTorch, with data prepared as src/train prepares it.

    python3 pytorch.py bert standard|laser SEED FOLDER [EXPORT]
    python3 pytorch.py conformer standard|laser SEED FOLDER [STRINGS [alone]]

FOLDER is what `npm run evidence` takes as --data. EXPORT: what `npm run evidence -- --export EXPORT` wrote; first values and batches
are then those of that seed here, in place of PyTorch's own. STRINGS: so many strings of digits are made once, in place of new ones
for each batch; alone: every digit is normalised by itself. Needs a GPU; prints the measure of docs/evidence.md after the last step:
the mean over 12 draws of what is held out (hidden characters, strings of digits), then each of them.
"""

import json
import math
import random
import struct
import sys
import wave
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTH = {"bert": 128, "conformer": 96}
LAYERS = {"bert": 4, "conformer": 2}
STEPS = {"bert": 4000, "conformer": 1500}
PEAK = {"bert": 2e-3, "conformer": 1e-3}
HEADS, BATCH, CONTEXT, EVALUATIONS, WARMUP, DRAWS = 4, 16, {"bert": 128, "conformer": 120}, 20, 100, 12

family, variant, seed, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
export = Path(sys.argv[5]) if family == "bert" and len(sys.argv) > 5 else None
strings = int(sys.argv[5]) if family == "conformer" and len(sys.argv) > 5 else 0
alone = len(sys.argv) > 6
d, h = WIDTH[family], HEADS


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x, keep=None):
        B, N, _ = x.shape
        q, k, v = self.qkv(x).view(B, N, 3, h, d // h).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(d // h)
        if keep is not None:
            scores = scores.masked_fill(~keep[:, None, None, :], -math.inf)
        p = scores.softmax(-1)
        if variant == "standard":
            out = p @ v
        else:
            c = v.amax(-2, keepdim=True).detach()
            out = (p @ (v - c).exp()).clamp_min(1e-37).log() + c
        return self.proj(out.transpose(1, 2).reshape(B, N, d))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.attn, self.ln2 = nn.LayerNorm(d), Attention(), nn.LayerNorm(d)
        self.fc, self.out = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.out(F.gelu(self.fc(self.ln2(x)), approximate="tanh"))


class Bert(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tok, self.pos = nn.Embedding(vocabulary, d), nn.Embedding(CONTEXT["bert"], d)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS["bert"]))
        self.lnf, self.head = nn.LayerNorm(d), nn.Linear(d, vocabulary)

    def forward(self, ids):
        x = self.tok(ids) + self.pos.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.lnf(x))


class ConformerBlock(nn.Module):
    KERNEL = 15

    def __init__(self):
        super().__init__()
        self.ff1_ln, self.ff1_fc, self.ff1_out = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.attn_ln, self.attn = nn.LayerNorm(d), Attention()
        self.conv_ln, self.pw1 = nn.LayerNorm(d), nn.Linear(d, 2 * d)
        self.dw = nn.Conv1d(d, d, self.KERNEL, padding=self.KERNEL // 2, groups=d)
        self.conv_norm, self.pw2 = nn.LayerNorm(d), nn.Linear(d, d)
        self.ff2_ln, self.ff2_fc, self.ff2_out = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.ln = nn.LayerNorm(d)

    def forward(self, x, keep):
        x = x + 0.5 * self.ff1_out(F.silu(self.ff1_fc(self.ff1_ln(x))))
        x = x + self.attn(self.attn_ln(x), keep)
        y = F.glu(self.pw1(self.conv_ln(x))) * keep[..., None]
        y = self.dw(y.transpose(1, 2)).transpose(1, 2)
        x = x + self.pw2(F.silu(self.conv_norm(y)))
        return self.ln(x + 0.5 * self.ff2_out(F.silu(self.ff2_fc(self.ff2_ln(x)))))


class Conformer(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.inp, self.pos = nn.Linear(4 * 40, d), nn.Embedding(CONTEXT["conformer"], d)
        self.blocks = nn.ModuleList(ConformerBlock() for _ in range(LAYERS["conformer"]))
        self.head = nn.Linear(d, classes)

    def forward(self, features, frames):
        B, T, _ = features.shape
        x = self.inp(features.reshape(B, T // 4, 160)) + self.pos.weight[: T // 4]
        keep = torch.arange(T // 4, device="cuda")[None] < (frames // 4)[:, None]
        for block in self.blocks:
            x = block(x, keep)
        return self.head(x)


def bands():
    mel = 2595 * math.log10(1 + 4000 / 700)
    edges = 700 * (10 ** (np.linspace(0, mel, 42) / 2595) - 1)
    hz = np.arange(129) * 8000 / 256
    rows = zip(edges, edges[1:], edges[2:])
    return np.stack([np.maximum(0, np.minimum((hz - a) / (b - a), (c - hz) / (c - b))) for a, b, c in rows])


BANDS, WINDOW = bands(), 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)


def log_mel(x):
    frames = np.stack([x[80 * n : 80 * n + 200] * WINDOW for n in range(1 + (len(x) - 200) // 80)])
    y = np.log(np.abs(np.fft.rfft(frames, 256)) ** 2 @ BANDS.T + 1e-6)
    return ((y - y.mean(0)) / (y.std(0) + 1e-5)).astype(np.float32)


def string(recordings, draw):
    """1 to 5 digits, as many as fit into 480 frames: features and labels."""
    parts = [draw.choice(recordings) for _ in range(draw.randint(1, 5))]
    while True:
        samples = [x for x, _ in parts]
        features = np.concatenate([log_mel(x) for x in samples]) if alone else log_mel(np.concatenate(samples))
        if len(features) <= 480:
            return features, [label for _, label in parts]
        parts.pop()


def batch(drawn):
    frames = [len(features) for features, _ in drawn]
    x = np.zeros((len(drawn), 4 * math.ceil(max(frames) / 4), 40), np.float32)
    for n, (features, _) in enumerate(drawn):
        x[n, : len(features)] = features
    return torch.tensor(x, device="cuda"), torch.tensor(frames, device="cuda"), [labels for _, labels in drawn]


def distance(said, heard):
    row = list(range(len(heard) + 1))
    for n, a in enumerate(said):
        new = [n + 1]
        for m, b in enumerate(heard):
            new.append(min(row[m] + (a != b), row[m + 1] + 1, new[m] + 1))
        row = new
    return row[-1]


def conformer():
    train, test = [], []
    for path in sorted((folder / "fsdd" / "recordings").glob("*.wav")):
        digit, _, take = path.stem.split("_")
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        (test if int(take) < 5 else train).append((samples, int(digit) + 1))
    draw = random.Random(seed)
    model = Conformer(11)
    fixed = [string(train, draw) for _ in range(strings)]
    draws = [random.Random(n) for n in range(DRAWS)]
    held = [[batch([string(test, same) for _ in range(BATCH)]) for _ in range(19)] for same in draws]

    def loss():
        x, frames, labels = batch([draw.choice(fixed) if fixed else string(train, draw) for _ in range(BATCH)])
        scores = model(x + 0.3 * torch.randn_like(x), frames).log_softmax(-1).transpose(0, 1)
        lengths = torch.tensor([len(one) for one in labels], device="cuda")
        return F.ctc_loss(scores, torch.tensor(sum(labels, []), device="cuda"), frames // 4, lengths)

    def errors(batches):
        wrong = words = 0
        for x, frames, labels in batches:
            for path, count, said in zip(model(x, frames).argmax(-1).tolist(), frames.tolist(), labels):
                path = path[: count // 4]
                heard = [c for n, c in enumerate(path) if c and (n == 0 or path[n - 1] != c)]
                wrong += distance(said, heard)
                words += len(said)
        return wrong / words

    return model, loss, lambda: [errors(batches) for batches in held]


def bert():
    text = (folder / "tinyshakespeare" / "input.txt").read_text()
    characters = sorted(set(text))
    ids = torch.tensor([characters.index(c) for c in text], device="cuda")
    cut, mask, context = int(0.9 * len(ids)), len(characters), CONTEXT["bert"]
    train, validation = ids[:cut], ids[cut:]
    model = Bert(mask + 1)

    def hide(x):
        hidden = torch.rand(x.shape, device="cuda") < 0.15
        return x.masked_fill(hidden, mask), x, hidden

    rows = validation[: BATCH * EVALUATIONS * context].view(EVALUATIONS, BATCH, context)
    held = []
    for n in range(DRAWS):
        torch.manual_seed(n)
        held.append([hide(x) for x in rows])
    torch.manual_seed(1000 + seed)

    def score(x, wanted, hidden):
        return F.cross_entropy(model(x)[hidden], wanted[hidden])

    given = export and np.fromfile(export / f"batches-{seed}.bin", np.uint8).reshape(-1, BATCH, context)

    def loss():
        if export:
            x = torch.tensor(given[loss.step], device="cuda").long()
            loss.step += 1
            ids, hidden = x % 128, x >= 128
            return score(ids.masked_fill(hidden, mask), ids, hidden)
        at = torch.randint(len(train) - context, (BATCH,), device="cuda")
        return score(*hide(train[at[:, None] + torch.arange(context, device="cuda")]))

    loss.step = 0
    return model, loss, lambda: [sum(score(*one).item() for one in draw) / len(draw) for draw in held]


torch.manual_seed(seed)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
torch.set_default_device("cuda")
model, loss, evaluate = {"bert": bert, "conformer": conformer}[family]()
for p in model.parameters():
    if p.dim() >= 2:
        nn.init.trunc_normal_(p, std=0.02)
if export:
    data = (export / f"init-{seed}.safetensors").read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    entries = json.loads(data[8:begin])
    for name, p in model.named_parameters():
        at, end = entries[name]["data_offsets"]
        p.data = torch.tensor(np.frombuffer(data[begin + at : begin + end], "<f4").reshape(p.shape), device="cuda")
optimizer = torch.optim.AdamW(model.parameters(), lr=1, betas=(0.9, 0.98), weight_decay=0.05)
for step in range(STEPS[family]):
    falling = 0.1 + 0.45 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS[family] - WARMUP)))
    for group in optimizer.param_groups:
        group["lr"] = PEAK[family] * ((step + 1) / WARMUP if step < WARMUP else falling)
    value = loss()
    optimizer.zero_grad()
    value.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
with torch.no_grad():
    values = evaluate()
    print(family, variant, seed, *sys.argv[5:], *(f"{x:.4f}" for x in [sum(values) / DRAWS, *values]), flush=True)
