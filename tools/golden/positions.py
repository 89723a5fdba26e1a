"""Golden values of positions for another image size: timm's resample_abs_pos_embed (bicubic, antialiased).

    python tools/golden/positions.py      # from the repository's root; writes tests/golden/positions.safetensors

    g7 [1, 50, 3]: positions of a class token and 7 x 7 patches; to.N [1, 1 + N * N, 3] for N x N of them. All fp32.
"""
import json, pathlib
import numpy as np
import torch
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed

CONFIG = dict(seed=4, grid=7, width=3, to=[2, 4, 6, 8, 14])
OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/positions.safetensors'
rng = np.random.default_rng(CONFIG['seed'])
g7 = torch.from_numpy(rng.standard_normal((1, 1 + CONFIG['grid'] ** 2, CONFIG['width'])).astype(np.float32))
tensors = {'g7': g7}
for side in CONFIG['to']:
    tensors[f'to.{side}'] = resample_abs_pos_embed(g7, new_size=[side, side], num_prefix_tokens=1).contiguous()
save_file(tensors, OUT, metadata={'config': json.dumps(CONFIG)})
print(f'{len(tensors)} tensors, {OUT.stat().st_size} bytes in {OUT.name}')
