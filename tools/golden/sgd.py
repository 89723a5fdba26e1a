"""Golden values of SGD with momentum: five steps of torch.optim.SGD with given gradients.

    python tools/golden/sgd.py            # from the repository's root; writes tests/golden/sgd.safetensors

    weight [5, 7] decayed (L2), bias [7] not; the start is init.NAME, step s has the gradient grad.s.NAME and the rate
    rates[s]; after.s.NAME are the parameters after it, momentum.NAME the buffer at the end. All fp32.
"""
import json, pathlib
import numpy as np
import torch
from safetensors.torch import save_file

CONFIG = dict(seed=3, momentum=0.9, weight_decay=0.05, steps=5)
OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/sgd.safetensors'
rng = np.random.default_rng(CONFIG['seed'])
exact = lambda *shape: torch.from_numpy(rng.standard_normal(shape).astype(np.float32).astype(np.float64))
rates = [0.1, 0.2, 0.05, 0.05, 0.01]

parameters = {'weight': exact(5, 7), 'bias': exact(7)}
tensors = {f'init.{name}': p.clone() for name, p in parameters.items()} | {'rates': torch.tensor(rates)}
optimizer = torch.optim.SGD([{'params': [parameters['weight']], 'weight_decay': CONFIG['weight_decay']},
                             {'params': [parameters['bias']], 'weight_decay': 0.0}], lr=1.0, momentum=CONFIG['momentum'])
for s, rate in enumerate(rates):
    for group in optimizer.param_groups:
        group['lr'] = rate
    for name, p in parameters.items():
        p.grad = exact(*p.shape)
        tensors[f'grad.{s}.{name}'] = p.grad.clone()
    optimizer.step()
    tensors |= {f'after.{s}.{name}': p.clone() for name, p in parameters.items()}
tensors |= {f'momentum.{name}': optimizer.state[p]['momentum_buffer'].clone() for name, p in parameters.items()}
save_file({n: v.float().contiguous() for n, v in tensors.items()}, OUT, metadata={'config': json.dumps(CONFIG)})
print(f'{len(tensors)} tensors, {OUT.stat().st_size} bytes in {OUT.name}')
