"""What leaves mvmoe arrives: small runs on glyphs, read by timm and by reader.py, against `mvmoe predict` on the same images.

    venv/bin/python tools/onnx/check.py [build/mvmoe]     # from the repository's root; needs torch, timm, pillow, safetensors

A dense run's best.safetensors loads in timm with load_state_dict(strict=True), and what timm saves of it (save_for_hf) gives the
same logits here, bit for bit; sparse runs, one for each way of routing, load in the reader. Logits agree to 1e-4 of the
largest, or the exit code is 1. Runs and images stand in a temporary folder.
"""
import json, pathlib, subprocess, sys, tempfile
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from timm import create_model
from timm.models import save_for_hf
from reader import Network, load

TRAIN = ['--data', 'glyphs', '--model', 'vit-3x32', '--patch', '8', '--heads', '2', '--batch-size', '64', '--lr', '2e-3', '--crop', 'none', '--epochs', '1',
         '--warmup-epochs', '0', '--quiet']
MOE = ['--experts', '4', '--moe-layers', '2']
RUNS = {'dense': [], 'dense mean': ['--pool', 'mean', '--no-qkv-bias'],
        'image': MOE + ['--routing', 'image', '--balance', 'importance-load', '--top-k', '2', '--router-noise'],
        'image, shared expert': MOE + ['--routing', 'image', '--router-input', 'cls', '--shared-experts', '1', '--top-k', '2', '--renormalise-gates'],
        'token': MOE + ['--routing', 'token', '--balance', 'switch'],
        'token, balance by bias': MOE + ['--routing', 'token', '--balance', 'bias', '--top-k', '2', '--pool', 'mean']}


def in_timm(path):
    _, about = load(path)
    c = about['model']
    model = create_model('test_vit', img_size=c['image'], patch_size=c['patch'], num_classes=c['classes'], embed_dim=c['width'], depth=c['depth'], num_heads=c['heads'],
                              mlp_ratio=c['mlp_ratio'], qkv_bias=c['qkv_bias'], global_pool={'cls': 'token', 'mean': 'avg'}[c['pool']], fc_norm=False)
    model.load_state_dict(load_file(path), strict=True)
    return model.eval()


def predict(binary, weights, files, flags=()):
    said = subprocess.run([binary, 'predict', '--weights', weights, '--json', '--logits', *flags, '-'], input='\n'.join(files), check=True, capture_output=True, text=True).stdout
    return torch.tensor([p['logits'] for p in json.loads(said.splitlines()[-1])['predictions']])


def there_and_back(binary, best, model, about, folder, files, ours):
    save_for_hf(model, folder, safe_serialization=True)
    flags = [f'--{name}={value}' for name in ('mean', 'std') for value in about[name]] + [f'--crop-pct={about["crop_pct"]}', f'--interpolation={about["interpolation"]}']
    a, b = load_file(best), load_file(folder / 'model.safetensors')
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a) and torch.equal(predict(binary, folder / 'model.safetensors', files, flags), ours)


def main(binary):
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rng = np.random.default_rng(1)
        files = [str(folder / f'{i:02}.png') for i in range(16)]
        for name, flags in RUNS.items():
            run = folder / name.replace(' ', '-')
            subprocess.run([binary, 'train', *TRAIN, *flags, '--out', run], check=True, stdout=subprocess.DEVNULL)
            best = run / 'best.safetensors'
            network = Network(best)
            side, about = network.c['image'], network.about
            pixels = rng.integers(0, 256, (len(files), side, side, 3), dtype=np.uint8)
            for file, image in zip(files, pixels):
                Image.fromarray(image).save(file)
            images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
            images = (images - torch.tensor(about['mean'])[:, None, None]) / torch.tensor(about['std'])[:, None, None]
            ours = predict(binary, best, files)
            readers = {'reader': network} | ({'timm': in_timm(best)} if not network.moe else {})
            for reader, model in readers.items():
                with torch.no_grad():
                    error = ((model(images) - ours).abs().max() / ours.abs().max()).item()
                failed |= not error < 1e-4
                print(f'{name} in {reader}: {error:.1e} of the largest logit {ours.abs().max():.2f}: {"ok" if error < 1e-4 else "FAILED"}', flush=True)
            if not network.moe:
                same = there_and_back(binary, best, readers['timm'], about, run / 'timm', files, ours)
                failed |= not same
                print(f'{name}, to timm and back: {"the same bits: ok" if same else "FAILED"}', flush=True)
    return failed


if __name__ == '__main__':
    torch.set_num_threads(1)
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else 'build/mvmoe'))
