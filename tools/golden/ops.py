"""Golden values of each op alone: output and every gradient for random inputs and a random cotangent.

    pip install -r tools/golden/requirements.txt
    python tools/golden/ops.py            # from the repository's root; writes tests/golden/ops.safetensors

Tensors are named <op>.<tensor>, all fp32: the inputs, dy, y, and d<input> = the gradient of dot(y, dy).
    linear         x [6, 5], weight [7, 5], bias [7]
    layer_norm     x [5, 33], gamma, beta [33]; eps 1e-6
    gelu           x [300]; the exact (erf) one
    attention      qkv [2, 9, 72]: rows ordered q, k, v, then head (2), then dimension (12); y [2, 9, 24]
    patch_embed    images [2, 3, 8, 8], weight [5, 3, 4, 4], bias [5]; y [2, 4, 5]; no gradient of the images
    cross_entropy  logits, targets [4, 9], losses [4] (one per image), dlogits = the gradient of their sum
"""
import json, math, pathlib
import numpy as np
import torch, torch.nn.functional as F
from safetensors.torch import save_file

CONFIG = dict(seed=2, layer_norm_eps=1e-6, attention_heads=2, patch=4)
OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/ops.safetensors'
rng = np.random.default_rng(CONFIG['seed'])
tensors = {}


def exact(x):
    """Double, but of fp32 values: the engine gets exactly these inputs."""
    return torch.from_numpy(np.asarray(x, np.float32).astype(np.float64))


def randn(*shape):
    return exact(rng.standard_normal(shape))


def record(op, function, inputs, constant=()):
    """Runs the op in double and keeps everything; dy is random, since softmax and layer norm have no gradient for ones."""
    assert all(torch.equal(x, x.float().double()) for x in inputs.values())
    inputs = {name: x.requires_grad_(name not in constant) for name, x in inputs.items()}
    y = function(**inputs)
    dy = randn(*y.shape)
    y.backward(dy)
    named = inputs | {'dy': dy, 'y': y} | {'d' + name: x.grad for name, x in inputs.items() if name not in constant}
    tensors.update({f'{op}.{name}': value.detach() for name, value in named.items()})


def attention(qkv):  # [B, T, 3 * D] -> [B, T, D]
    B, T, D, H = *qkv.shape[:2], qkv.shape[2] // 3, CONFIG['attention_heads']
    q, k, v = qkv.reshape(B, T, 3, H, D // H).permute(2, 0, 3, 1, 4)  # each [B, H, T, D / H]
    y = ((q @ k.transpose(2, 3)) / math.sqrt(D // H)).softmax(-1) @ v
    assert (y - F.scaled_dot_product_attention(q, k, v)).abs().max() < 1e-12
    return y.transpose(1, 2).reshape(B, T, D)


def patch_embed(images, weight, bias):  # [B, 3, S, S] -> [B, patches, D]
    return F.conv2d(images, weight, bias, stride=CONFIG['patch']).flatten(2).transpose(1, 2)


def cross_entropy(logits, targets):
    logits.requires_grad_()
    losses = -(targets * logits.log_softmax(-1)).sum(-1)
    losses.sum().backward()
    named = dict(logits=logits, targets=targets, losses=losses, dlogits=logits.grad)
    tensors.update({'cross_entropy.' + name: value.detach() for name, value in named.items()})


record('linear', lambda x, weight, bias: x @ weight.T + bias, dict(x=randn(6, 5), weight=randn(7, 5), bias=randn(7)))
record('layer_norm', lambda x, gamma, beta: F.layer_norm(x, (33,), gamma, beta, CONFIG['layer_norm_eps']),
       dict(x=randn(5, 33), gamma=exact(1 + 0.3 * randn(33)), beta=randn(33)))
record('gelu', lambda x: F.gelu(x), dict(x=exact(np.concatenate([np.linspace(-6, 6, 200), rng.standard_normal(100)]))))
record('attention', attention, dict(qkv=randn(2, 9, 72)))
record('patch_embed', patch_embed, dict(images=randn(2, 3, 8, 8), weight=randn(5, 3, 4, 4), bias=randn(5)), constant=('images',))
cross_entropy(exact(3 * randn(4, 9)), exact(randn(4, 9).softmax(-1)))

assert all(v.dtype == torch.float64 and v.isfinite().all() for v in tensors.values())
save_file({n: v.float().contiguous() for n, v in tensors.items()}, OUT, metadata={'config': json.dumps(CONFIG)})
print(f'{len(tensors)} tensors, {OUT.stat().st_size} bytes in {OUT.name}')
