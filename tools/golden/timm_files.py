"""Small ViTs of timm's as timm saves them, one for each option that is read, and the logits that timm gives with them.

    pip install -r tools/golden/requirements.txt
    python tools/golden/timm_files.py     # from the repository's root; writes tests/golden/timm/

CASE being a key of CASES: CASE/model.safetensors (or several and their index) and CASE/config.json, written by timm's own
save_config_for_hf; expected.safetensors holds images [3, 3, S, S] for each size S that is needed (images.S) and
CASE.logits [3, 5]. Weights are random, rounded to the type they are stored in; from there all is float64.
"""
import json, pathlib, shutil
import numpy as np
import torch
import timm
from safetensors.torch import save_file
from timm.models._hub import save_config_for_hf
from timm.models.vision_transformer import VisionTransformer

OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/timm'
BASE = dict(img_size=12, patch_size=4, num_classes=5, embed_dim=24, depth=2, num_heads=2, mlp_ratio=1.5)
LABELS = ['cat', 'dog', 'newt', 'owl', 'yak']
# What differs from BASE; `read_at`: the image size that the test asks for, where it is not the file's.
CASES = {
    'token': dict(),
    'no_qkv_bias': dict(qkv_bias=False),
    'avg_fc_norm': dict(global_pool='avg', dtype=torch.bfloat16),
    'avg_norm': dict(global_pool='avg', fc_norm=False, dtype=torch.float16),
    'avg_no_class_token': dict(global_pool='avg', class_token=False),
    'layer_scale': dict(init_values=1e-1, no_embed_class=True),
    'larger': dict(read_at=20),
    'smaller': dict(global_pool='avg', class_token=False, img_size=24, read_at=16),
    'sharded': dict(shards=3),
}


def randomise(model, rng, dtype):
    """Parameters far from their start values: at gamma = 1, bias = 0 a parameter in the wrong place would not show."""
    for name, p in model.named_parameters():
        noise = torch.from_numpy(rng.standard_normal(p.shape))
        scale = 0.25 if name.endswith('weight') and 'norm' not in name else 0.3
        p.data = (noise * scale + (1 if 'norm' in name and name.endswith('weight') else 0)).to(dtype)


def save_shards(state, folder, shards):
    names = sorted(state)
    weight_map = {}
    for i in range(shards):
        file = f'model-{i + 1:05d}-of-{shards:05d}.safetensors'
        part = {n: state[n] for n in names[i::shards]}
        save_file(part, folder / file, metadata={'format': 'pt'})
        weight_map |= {n: file for n in part}
    index = {'metadata': {'total_size': sum(v.numel() * v.element_size() for v in state.values())}, 'weight_map': weight_map}
    (folder / 'model.safetensors.index.json').write_text(json.dumps(index, indent=1, sort_keys=True))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    rng = np.random.default_rng(8)
    expected = {f'images.{s}': torch.from_numpy(rng.standard_normal((3, 3, s, s)).astype(np.float32)) for s in (12, 16, 20)}
    for name, options in CASES.items():
        options = BASE | options
        dtype, read_at, shards = (options.pop(k, d) for k, d in [('dtype', torch.float32), ('read_at', None), ('shards', 0)])
        # By timm's factory, so that the configuration is recorded as for any model of a user's.
        model = timm.create_model('test_vit', **{k: v for k, v in options.items()}).eval()
        assert isinstance(model, VisionTransformer)
        randomise(model, rng, dtype)
        folder = OUT / name
        folder.mkdir()
        state = {n: v.contiguous() for n, v in model.state_dict().items()}
        if shards:
            save_shards(state, folder, shards)
        else:
            save_file(state, folder / 'model.safetensors', metadata={'format': 'pt'})
        save_config_for_hf(model, folder / 'config.json', model_config={'label_names': LABELS})
        model = model.double()
        if read_at:
            model.set_input_size(read_at)
        with torch.no_grad():
            logits = model(expected[f'images.{read_at or options["img_size"]}'].double())
        expected[f'{name}.logits'] = logits.float()
        print(f'{name}: logits up to {logits.abs().max():.3g}, {sum(f.stat().st_size for f in folder.iterdir())} bytes')
    save_file(expected, OUT / 'expected.safetensors')


if __name__ == '__main__':
    torch.set_num_threads(1)
    main()
