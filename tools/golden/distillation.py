"""Golden values of the distillation loss, and of a whole loss with a teacher.

    pip install -r tools/golden/requirements.txt
    python tools/golden/distillation.py   # from the repository's root; writes tests/golden/distillation.safetensors

All fp32; computed in double from fp32 inputs. Of images i and temperatures T:
    logits, teacher, targets  [4, 9]
    soft.T      [4], one number per image: T^2 KL(softmax(teacher / T) || softmax(logits / T)), by F.kl_div
    dsoft.T     [4, 9], the gradient of their sum in the logits
    total.soft  [1], sum over images of (1 - W) cross_entropy(logits, targets) + W soft.T; W and T of the metadata
    total.hard  [1], the same with cross_entropy(logits, argmax of the teacher) for soft.T
    dtotal.soft, dtotal.hard  [4, 9]
"""
import json, pathlib
import numpy as np
import torch, torch.nn.functional as F
from safetensors.torch import save_file

CONFIG = dict(seed=11, temperatures=[0.5, 1, 3], weight=0.3, temperature=3)
OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/distillation.safetensors'
rng = np.random.default_rng(CONFIG['seed'])


def exact(x):
    """Double, but of fp32 values: the engine gets exactly these inputs."""
    return torch.from_numpy(np.asarray(x, np.float32).astype(np.float64))


logits, teacher = exact(2 * rng.standard_normal((4, 9))), exact(3 * rng.standard_normal((4, 9)))
targets = exact(exact(rng.standard_normal((4, 9))).softmax(-1))
tensors = dict(logits=logits, teacher=teacher, targets=targets)


def soft(z, T):
    q, p = (z / T).log_softmax(-1), (teacher / T).log_softmax(-1)
    return T * T * F.kl_div(q, p, reduction='none', log_target=True).sum(-1)


def record(name, function):
    """The loss of each image, or a whole loss, and the gradient of the sum in the logits."""
    z = logits.clone().requires_grad_()
    y = function(z)
    y.sum().backward()
    tensors[name], tensors['d' + name] = y.detach(), z.grad


for T in CONFIG['temperatures']:
    record(f'soft.{T}', lambda z: soft(z, T))
W = CONFIG['weight']
task = lambda z: F.cross_entropy(z, targets, reduction='sum')
choice = lambda z: F.cross_entropy(z, teacher.argmax(-1), reduction='sum')
record('total.soft', lambda z: ((1 - W) * task(z) + W * soft(z, CONFIG['temperature']).sum()).reshape(1))
record('total.hard', lambda z: ((1 - W) * task(z) + W * choice(z)).reshape(1))

assert all(v.dtype == torch.float64 and v.isfinite().all() for v in tensors.values())
save_file({n: v.float().contiguous() for n, v in tensors.items()}, OUT, metadata={'config': json.dumps(CONFIG)})
print(f'{len(tensors)} tensors, {OUT.stat().st_size} bytes in {OUT.name}')
