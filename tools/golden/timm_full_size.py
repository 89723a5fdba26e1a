"""Whole networks against timm: ViT and DeiT of full size at random weights, our binary and timm on the same images.

    venv/bin/python tools/golden/timm_full_size.py [build/mvmoe]     # from the repository's root; writes nothing that stays

Two comparisons each. A PNG of the network's size, of which nothing is cut or resized, is the same input for both to a last
bit: logits must agree to 1e-4 of the largest. A JPEG of another size goes through each one's own decoder, resizing and crop:
the same top-5, and logits within 1e-2 of the largest. Prints the largest differences; exit code 1 if one is too large.
"""
import json, pathlib, subprocess, sys, tempfile
import numpy as np
import torch
import timm
from PIL import Image
from timm.models._hub import save_for_hf

MODELS = [('vit_tiny_patch16_224', {}), ('vit_small_patch16_224', {}), ('vit_base_patch16_224', {}), ('deit_tiny_patch16_224', {}),
          ('deit3_small_patch16_224', {}), ('vit_tiny_patch16_224', dict(global_pool='avg', class_token=False)), ('vit_tiny_patch16_384', {})]


def picture(rng, width, height):
    """Smooth colours with edges: what JPEG is made for."""
    coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
    pixels = np.asarray(coarse).copy()
    pixels[height // 3:height // 2, width // 5:width // 2] = rng.integers(0, 256, 3)
    return Image.fromarray(pixels)


def ours(binary, folder, image, *flags):
    said = subprocess.run([binary, 'predict', '--weights', folder / 'model.safetensors', image, '--json', '--logits', *flags],
                          check=True, capture_output=True, text=True).stdout
    prediction = json.loads(said.splitlines()[-1])['predictions'][0]
    return torch.tensor(prediction['logits'], dtype=torch.float64), [int(t['class']) for t in prediction['top']]


def main(binary):
    failed = False
    rng = np.random.default_rng(3)
    for name, options in MODELS:
        torch.manual_seed(0)
        model = timm.create_model(name, pretrained=False, **options).eval()
        for p in model.parameters():  # not at their start, where biases, layer scale and the head say next to nothing
            p.data += 0.02 * torch.randn_like(p)
        model.head.weight.data *= 10
        data = timm.data.resolve_data_config({}, model=model)
        side = data['input_size'][1]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            save_for_hf(model, folder, safe_serialization=True)
            picture(rng, side, side).save(folder / 'exact.png')
            picture(rng, 500, 375).save(folder / 'photo.jpg', quality=90)
            whole = timm.data.create_transform(**data | {'crop_pct': 1.0})
            own = timm.data.create_transform(**data)
            with torch.no_grad():
                exact = model.double()(whole(Image.open(folder / 'exact.png').convert('RGB'))[None].double())[0]
                photo = model(own(Image.open(folder / 'photo.jpg').convert('RGB'))[None].double())[0]
            exact_ours, _ = ours(binary, folder, folder / 'exact.png', '--crop-pct', '1')
            photo_ours, top = ours(binary, folder, folder / 'photo.jpg')
        exact_error = ((exact_ours - exact).abs().max() / exact.abs().max()).item()
        photo_error = ((photo_ours - photo).abs().max() / photo.abs().max()).item()
        same_top = top == photo.topk(5).indices.tolist()
        good = exact_error < 1e-4 and photo_error < 1e-2 and same_top
        failed |= not good
        print(f'{name} {options or ""}: same input {exact_error:.1e}, from a JPEG {photo_error:.1e} of the largest logit {photo.abs().max():.2f}, '
              f'top-5 {"the same" if same_top else "differ"}: {"ok" if good else "FAILED"}', flush=True)
    return failed


if __name__ == '__main__':
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else 'build/mvmoe'))
