"""Times PyTorch at shapes of `npm run bench` and `npm run bench:train`: one thread of the processor, and a GPU where there is one.

    python3 bench/pytorch.py [FILE...]

FILE: what these wrote with --json on the same machine; their times of laser-attention/relaxed become the first column. The models and LASER are
those of docs/pytorch-jax.md, which are run as they stand there; the standard variant is scaled_dot_product_attention itself. All in
float32, without TF32; nothing is compiled or captured. Prints the table of docs/pytorch-jax.md, medians, and its ratios from the least to the most.
"""

import json
import platform
import re
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/pytorch-jax.md").read_text(), re.S):
    if "def laser(" in block or "class Gpt" in block:
        exec(block)

SECONDS = 1.5
ATTENTION = [("ViT H 6 N 197 D 64", 6, 197, 64, False), ("BERT H 12 N 384 D 64", 12, 384, 64, False)]
ATTENTION += [("LM H 12 N 1024 D 64 causal", 12, 1024, 64, True)]
MODELS = [(64, 2, 64), (128, 4, 128), (192, 4, 256)]
HEADS, BATCH, VOCABULARY = 4, 8, 65
VARIANTS = {"standard": F.scaled_dot_product_attention, "LASER": laser}


def measure(call, device):
    """Median milliseconds of a call, the end of its work on the GPU included."""
    times = []
    begin = perf_counter()
    while len(times) < 8 or perf_counter() - begin < SECONDS:
        start = perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(1000 * (perf_counter() - start))
    return median(times[3:])  # the first ones choose kernels and take memory


def attention(H, N, D, causal, variant, backward, device):
    """A call of forward, or of forward and backward."""
    q, k, v = (torch.randn(1, H, N, D, device=device, requires_grad=backward) for _ in range(3))
    dout = torch.randn(1, H, N, D, device=device)

    def call():
        out = variant(q, k, v, is_causal=causal)
        if backward:
            torch.autograd.grad(out, (q, k, v), dout)

    return call


def step(width, layers, context, device):
    """A call of forward, backward and AdamW. The model asks for `laser` by name: see main."""
    model = Gpt(VOCABULARY, context, width, HEADS, layers).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, fused=True)
    ids, targets = torch.randint(VOCABULARY, (2, BATCH, context), device=device)

    def call():
        optimizer.zero_grad()
        F.cross_entropy(model(ids).flatten(0, 1), targets.flatten()).backward()
        optimizer.step()

    return call


def tasks():
    """Names as the benchmarks have them, and what makes a call for a device."""
    for name, H, N, D, causal in ATTENTION:
        for backward in (False, True):
            for label, variant in VARIANTS.items():
                make = lambda device, shape=(H, N, D, causal, variant, backward): attention(*shape, device)
                yield f"{name} {label} {'both' if backward else 'forward'}", label, make
    for width, layers, context in MODELS:
        for label in VARIANTS:
            make = lambda device, sizes=(width, layers, context): step(*sizes, device)
            yield f"GPT d {width}, {layers} layers, context {context}, batch {BATCH}, {label}", label, make


def own_times(files):
    """Milliseconds of laser-attention/relaxed by the names of the benchmarks."""
    found = {}
    for file in files:
        content = json.loads(Path(file).read_text())
        print(f"{content['machine']}; {content['runtime']}")
        rows = content.get("rows", [])
        found |= {row["name"]: row["median"] for row in rows if row["build"] == "relaxed"}
        for workload in content.get("workloads", []):
            found |= {workload["name"]: one["median"] for one in workload["results"] if one.get("library") == "relaxed"}
    return found


def shown(ms):
    return "" if ms is None else f"{ms:.0f} ms" if ms >= 99.95 else f"{ms:#.3g} ms"


def processor():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {len(names)} threads"


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    devices = ["cpu"] + ["cuda"] * torch.cuda.is_available()
    own = own_times(sys.argv[1:])
    gpu = torch.cuda.get_device_name() if len(devices) > 1 else "no GPU"
    print(f"PyTorch {torch.__version__}; {processor()}; {gpu}\n")
    print("|  | laser-attention/relaxed | PyTorch, one thread |" + " PyTorch, GPU |" * (len(devices) - 1))
    print("|---|" + "---:|" * (1 + len(devices)))
    ratios = {}
    for name, label, make in tasks():
        globals()["laser"] = VARIANTS[label]  # what docs/pytorch-jax.md calls
        cells = [own[name] if own else None] + [measure(make(device), device) for device in devices]
        for device, ms in zip(devices, cells[1:] if own else []):
            ratios.setdefault((device, name.startswith("GPT")), []).append(ms / cells[0])
        print(f"| {name} | " + " | ".join(map(shown, cells)) + " |", flush=True)
    for (device, steps), found in ratios.items():
        print(f"{device}, {'steps' if steps else 'attention'}: {min(found):#.2g} to {max(found):#.2g} times the time of relaxed")


main()
