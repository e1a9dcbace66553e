"""Runs the Python of docs/pytorch-jax.md against float64 and writes the checkpoint that test/pytorch-checkpoint.test.ts loads.

python3 test/checkpoint/make.py [FOLDER]   where PyTorch, JAX, Flax and safetensors are; a GPU is used where there is one.
"""

import os
import re
import sys
from pathlib import Path

os.environ["JAX_ENABLE_X64"] = "1"
ROOT = Path(__file__).resolve().parents[2]
OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/pytorch-jax.md").read_text(), re.S):
    exec(block)  # laser, laser_jax, Gpt, save, state_dict, and their imports

import flax
import flax.linen as linen
import safetensors.numpy
import safetensors.torch

device = "cuda" if torch.cuda.is_available() else "cpu"
torch.backends.cuda.matmul.allow_tf32 = False
jax.config.update("jax_default_matmul_precision", "highest")
print(f"PyTorch {torch.__version__} on {device}, JAX {jax.__version__} on {jax.default_backend()}, Flax {flax.__version__}")


def report(name, error, limit):
    print(f"{name}: {error:.2e}, limit {limit:g}")
    if not error <= limit:
        sys.exit(f"{name} is beyond its limit")


def exact(q, k, v, hidden):
    """LASER in float64 as the golden files have it: logsumexp(s + v) - logsumexp(s), with no maximum taken off by hand."""
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    s = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(hidden, -torch.inf)
    return (s[..., None] + v[:, :, None]).logsumexp(-2) - s.logsumexp(-1)[..., None]


def relative(got, want):
    return ((got.double() - want).norm() / want.norm()).item()


def check_wrappers():
    """Outputs and gradients of both wrappers, causal and not, fewer key heads, float32 and bfloat16."""
    torch.manual_seed(1)
    B, H, N, D = 2, 4, 65, 32
    for causal in (False, True):
        for Hkv in (4, 2):
            shapes = [(B, H, N, D), (B, Hkv, N, D), (B, Hkv, N, D)]
            inputs = [2 * torch.randn(shape, device=device) for shape in shapes]
            dout = torch.randn(B, H, N, D, device=device)
            hidden = torch.ones(N, N, device=device, dtype=torch.bool).triu(1) & causal
            q, k, v = [x.double().requires_grad_() for x in inputs]
            want = exact(q, k, v, hidden)
            gradients = torch.autograd.grad(want, (q, k, v), dout.double())

            q, k, v = [x.clone().requires_grad_() for x in inputs]
            got = laser(q, k, v, is_causal=causal, enable_gqa=Hkv != H)
            case = f"causal {causal}, key heads {Hkv}"
            report(f"PyTorch {case}: out", relative(got, want), 2e-6)
            for name, one, other in zip(("dq", "dk", "dv"), torch.autograd.grad(got, (q, k, v), dout), gradients):
                report(f"PyTorch {case}: {name}", relative(one, other), 1e-5)

            q, k, v, g = [jnp.asarray(x.cpu().numpy().swapaxes(1, 2)) for x in (*inputs, dout)]
            out, backward = jax.vjp(lambda q, k, v: laser_jax(q, k, v, is_causal=causal), q, k, v)
            back = [torch.tensor(np.asarray(x).swapaxes(1, 2), device=device) for x in (out, *backward(g))]
            for name, one, other in zip(("out", "dq", "dk", "dv"), back, (want, *gradients)):
                report(f"JAX {case}: {name}", relative(one, other), 1e-5)

            half = [x.bfloat16() for x in inputs]
            got = laser(*half, is_causal=causal, enable_gqa=Hkv != H)
            want = exact(*[x.double() for x in half], hidden)
            print(f"PyTorch {case}: bfloat16 out, largest error {(got.double() - want).abs().max().item():.2e}")


def check_caveats():
    """What the page warns of does happen."""
    torch.manual_seed(2)
    q, k, v = [torch.randn(1, 1, 8, 4, device=device) for _ in range(3)]
    v[..., -1, 0] = 120
    hidden = torch.ones(8, 8, device=device, dtype=torch.bool).triu(1)
    v.requires_grad_()
    out = laser(q, k, v, is_causal=True)
    assert out[..., :-1, 0].isneginf().all() and out[..., 1:].isfinite().all(), "a later outlier"
    assert exact(*[x.double() for x in (q, k, v)], hidden).isfinite().all(), "the exact result is finite"
    assert torch.autograd.grad(out.sum(), v)[0].isnan().any(), "its gradient"

    pad = torch.zeros(8, 1, device=device, dtype=torch.bool)
    pad[-2:] = True
    seen = v.detach().clone()
    seen[..., -2:, :] = torch.inf
    clean = laser(q, k, seen.masked_fill(pad, -1e4), attn_mask=~pad.mT)
    report("padding filled: out", relative(clean, exact(*[x.double() for x in (q, k, v)], pad.mT)), 2e-6)
    assert laser(q, k, seen, attn_mask=~pad.mT).isnan().any(), "infinity in a hidden row"
    print("the warnings of the page hold")


class FlaxBlock(linen.Module):
    width: int
    heads: int

    @linen.compact
    def __call__(self, x):
        y = linen.LayerNorm(1e-5, name="ln1")(x)
        y = FlaxAttention(self.width, self.heads, name="attn")(y)
        x = x + y
        y = linen.Dense(4 * self.width, name="fc")(linen.LayerNorm(1e-5, name="ln2")(x))
        return x + linen.Dense(self.width, name="out")(linen.gelu(y, approximate=True))


class FlaxAttention(linen.Module):
    width: int
    heads: int

    @linen.compact
    def __call__(self, x):
        B, N, _ = x.shape
        qkv = linen.Dense(3 * self.width, name="qkv")(x).reshape(B, N, 3, self.heads, -1)
        out = laser_jax(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2], is_causal=True)
        return linen.Dense(self.width, name="proj")(out.reshape(B, N, self.width))


class FlaxGpt(linen.Module):
    vocabulary: int
    context: int
    width: int
    heads: int
    layers: int

    @linen.compact
    def __call__(self, ids):
        x = linen.Embed(self.vocabulary, self.width, name="tok")(ids)
        x = x + linen.Embed(self.context, self.width, name="pos")(jnp.arange(ids.shape[1]))
        for n in range(self.layers):
            x = FlaxBlock(self.width, self.heads, name=f"blocks_{n}")(x)
        return linen.Dense(self.vocabulary, name="head")(linen.LayerNorm(1e-5, name="lnf")(x))


def checkpoint():
    """Trains a small model until its logits are far from uniform; saves it, and its logits from float64."""
    torch.manual_seed(3)
    sizes = dict(vocabulary=24, context=16, width=32, heads=4, layers=2)
    model = Gpt(**sizes).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    starts = torch.arange(24, device=device)[:, None]
    text = (starts + torch.arange(17, device=device) ** 2) % 24
    for step in range(100):
        loss = F.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 33 == 0:
            print(f"step {step}: loss {loss.item():.3f}")
    OUT.mkdir(parents=True, exist_ok=True)
    save(model, OUT / "gpt.safetensors")
    ids = text[[0, 5, 11], :13]
    with torch.no_grad():
        single = model(ids)
        want = model.double()(ids)
    report("logits in PyTorch's float32", relative(single, want), 1e-5)
    expected = {"ids": ids.int().contiguous(), "logits": want.float().contiguous()}
    safetensors.torch.save_file(expected, OUT / "gpt.expected.safetensors")

    params = FlaxGpt(**sizes).init(jax.random.key(4), jnp.zeros((1, 3), jnp.int32))["params"]
    named = {name: torch.tensor(value) for name, value in state_dict(params).items()}
    model.float().load_state_dict({name: value.to(device) for name, value in named.items()})
    logits = FlaxGpt(**sizes).apply({"params": params}, jnp.asarray(ids.cpu().numpy()))
    with torch.no_grad():
        report("Flax by PyTorch's names: logits", relative(torch.tensor(np.asarray(logits), device=device), model(ids).double()), 1e-5)


check_wrappers()
check_caveats()
checkpoint()
