"""Golden values of the augmentations: what Pillow, torchvision and timm make of one image with given parameters.

    pip install -r tools/golden/requirements.txt
    python tools/golden/augment.py        # from the repository's root; writes tests/golden/augment.safetensors

Bytes are kept as fp16, which holds them exactly. Tensors:
    image [37, 29, 3]                     what is augmented
    dull [8, 9, 3], bright [30, 20, 3]    few levels in few pixels; a third of the pixels at 255, a mean grey that is rounded up
    resize.cases [n, 7]                   left, top, width, height of the part, new width, new height, 1 for bicubic
    resize.<i>                            torchvision's resized_crop of case i
    operations.cases [n, 6]               RandAugment's kind (its place in KINDS), level, 1 for negative, 1 for increasing,
                                          1 for bicubic, timm's argument (0 where there is none)
    operations.<i>                        timm's operation on image
    dull.<kind>, bright.<kind>            those without a level, and contrast by 1.5
    affine.cases [n, 7], affine.<i>       Image.transform by a, b, c, d, e, f; 1 for bicubic: points on pixels' and the image's edges
    jitter.cases [n, 6], jitter.<i>       order (0 brightness, 1 contrast, 2 saturation), then their factors
    crop.cases [n, 8]                     width, height, area as a share, ratio, and timm's left, top, width, height, the
                                          place drawn as 0
    erase.cases [n, 5]                    side, area as a share, ratio of height to width, and timm's height, width
    mix.images [6, 3, 9, 9], mix.labels [6]
    mix.cases [n, 9]                      1 for cutmix, lambda as drawn, x and y of the square, then timm's lambda, left, top,
                                          width, height
    mix.<i>.images, mix.<i>.targets       timm's Mixup of lanes of 4 and 2 images, 5 classes, smoothing 0.1
    repeat.lanes [3, 8]                   timm's RepeatAugSampler of 24 images for 3 processes, unshuffled, 3 repeats
"""
import itertools, json, math, pathlib
from unittest import mock
import numpy as np
import torch, torchvision.transforms.functional as F
from PIL import Image
from safetensors.torch import save_file
from timm.data import auto_augment, distributed_sampler, mixup, random_erasing, transforms

C = dict(seed=4, classes=5, smoothing=0.1, lane=4, fill=[124, 116, 104])
KINDS = ['AutoContrast', 'Equalize', 'Invert', 'Rotate', 'Posterize', 'Solarize', 'SolarizeAdd', 'Color', 'Contrast', 'Brightness', 'Sharpness',
         'ShearX', 'ShearY', 'TranslateXRel', 'TranslateYRel']
GEOMETRIC, FACTORS, PLAIN = KINDS[3:4] + KINDS[11:], KINDS[7:11], KINDS[:3]
OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/augment.safetensors'
INTERPOLATION = {True: Image.Resampling.BICUBIC, False: Image.Resampling.BILINEAR}
rng = np.random.default_rng(C['seed'])
tensors = {}


def numbers(name, rows):
    tensors[name] = torch.tensor(np.array(rows, np.float64), dtype=torch.float64)


def keep(name, picture):
    tensors[name] = torch.from_numpy(np.array(picture)).half()


def pictures():
    y, x = np.mgrid[0:37, 0:29]
    waves = np.stack([np.sin(x / 3 + y / 9), np.cos(x * y / 90), np.sin(y / 2)], -1)  # smooth parts, edges, noise, both ends cut off
    rgb = 128 + 90 * waves + 60 * (((x // 7 + y // 5) % 2)[..., None] - 0.5) + 12 * rng.standard_normal((37, 29, 3))
    rgb[..., 1] = 40 + 0.6 * rgb[..., 1]  # a channel that auto contrast has to stretch
    dull = rng.choice([90, 91, 140], (8, 9, 3))
    dull[..., 2] = 77
    bright = rng.integers(0, 332, (30, 20, 3))
    images = [Image.fromarray(np.clip(a, 0, 255).astype(np.uint8)) for a in (rgb, dull, bright)]
    assert np.array(images[2].convert('L')).mean() % 1 > 0.5
    return images


def resize(image):
    cases = [(0, 0, 29, 37, 14, 18), (0, 0, 29, 37, 9, 31), (0, 0, 29, 37, 50, 41), (0, 0, 29, 37, 29, 12), (0, 0, 29, 37, 27, 13), (3, 5, 17, 20, 8, 8), (3, 5, 17, 20, 33, 7),
             (28, 0, 1, 37, 6, 5), (0, 36, 29, 1, 5, 6), (0, 0, 29, 37, 1, 1), (2, 2, 20, 30, 20, 30)]
    cases = [case + (cubic,) for case in cases for cubic in (0, 1)]
    numbers('resize.cases', cases)
    for i, (left, top, width, height, new_width, new_height, cubic) in enumerate(cases):
        mode = transforms.str_to_interp_mode('bicubic' if cubic else 'bilinear')
        keep(f'resize.{i}', F.resized_crop(image, top, left, height, width, (new_height, new_width), mode))


def operation_cases():  # kind, level, negative, increasing, bicubic
    for kind in PLAIN:
        yield kind, 9, 0, 1, 1
    for kind, level, negative, cubic in itertools.product(GEOMETRIC, (9.1, 3.7), (0, 1), (0, 1)):
        yield kind, level, negative, 1, cubic
    for kind, level, negative in itertools.product(FACTORS, (8.6, 2.4, 10), (0, 1)):
        yield kind, level, negative, 1, 1
    for kind, level in itertools.product(FACTORS, (2.4, 8.6)):
        yield kind, level, 0, 0, 1
    for kind, level, increasing in itertools.product(('Posterize', 'Solarize', 'SolarizeAdd'), (4.4, 7.3, 9.5), (0, 1)):
        yield kind, level, 0, increasing, 1


def affine(image):
    maps = [(1, 0, 1.5, 0, 1, 0), (1, 0, -1.5, 0, 1, 2.5), (1, 0, 0, 0, 1, 3), (0, 1, 0, 1, 0, 0), (0.5, 0.25, 3, -0.125, 1, 4.5)]
    cases = [(*m, cubic) for m in maps for cubic in (0, 1)]
    numbers('affine.cases', cases)
    for i, case in enumerate(cases):
        keep(f'affine.{i}', image.transform(image.size, Image.Transform.AFFINE, case[:6], INTERPOLATION[bool(case[6])], fillcolor=tuple(C['fill'])))


def operations(image, dull, bright):
    rows = []
    for i, (kind, level, negative, increasing, cubic) in enumerate(operation_cases()):
        name = kind + 'Increasing' if increasing and kind + 'Increasing' in auto_augment.LEVEL_TO_ARG else kind
        with mock.patch('random.random', lambda: 0.9 if negative else 0.1):
            level_to_arg = auto_augment.LEVEL_TO_ARG[name]
            arguments = level_to_arg(level, {}) if level_to_arg else ()
        rows.append((KINDS.index(kind), level, negative, increasing, cubic, *(arguments or (0,))))
        keep(f'operations.{i}', auto_augment.NAME_TO_OP[name](image, *arguments, fillcolor=tuple(C['fill']), resample=INTERPOLATION[bool(cubic)]))
    numbers('operations.cases', rows)
    for name, picture in dict(dull=dull, bright=bright).items():
        for kind in PLAIN:
            keep(f'{name}.{kind}', auto_augment.NAME_TO_OP[kind](picture))
        keep(name + '.Contrast', auto_augment.contrast(picture, 1.5))


def jitter(image):
    adjust = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation]
    cases = [(*order, *rng.uniform(0.6, 1.4, 3).astype(np.float32)) for order in itertools.permutations(range(3))]
    numbers('jitter.cases', cases)
    for i, case in enumerate(cases):
        picture = image
        for part in case[:3]:
            picture = adjust[part](picture, float(case[3 + part]))
        keep(f'jitter.{i}', picture)


def crop():
    rows = []
    tries = [(w, h, area, ratio) for w, h in ((500, 375), (37, 29), (224, 600)) for area in (0.08, 0.31, 0.77, 1.0) for ratio in (0.76, 1.0, 1.3)]
    tries += [(900, 10, 1.0, 0.75), (10, 900, 1.0, 1.3), (100, 101, 1.0, 0.75)]  # none fits: too wide, too high, the whole
    for w, h, area, ratio in tries:
        draws = itertools.cycle([area, math.log(ratio)])
        with mock.patch('random.uniform', lambda *_: next(draws)), mock.patch('random.randint', lambda low, high: low):
            top, left, height, width = transforms.RandomResizedCropAndInterpolation.get_params(Image.new('RGB', (w, h)), (0.08, 1), (3 / 4, 4 / 3))
        rows.append((w, h, area, ratio, left, top, width, height))
    numbers('crop.cases', rows)


def erase():
    rows = []
    for side, area, ratio in itertools.product((224, 33), (0.02, 0.111, 0.333), (0.35, 1.0, 2.8)):
        draws = iter([area, math.log(ratio)])
        planes = torch.zeros(3, side, side)
        with mock.patch('random.uniform', lambda *_: next(draws)), mock.patch('random.randint', lambda low, high: low):
            random_erasing.RandomErasing(probability=1, mode='pixel', device='cpu')(planes)
        rows.append((side, area, ratio, int((planes[0] != 0).any(1).sum()), int((planes[0] != 0).any(0).sum())))
    numbers('erase.cases', rows)


def mix():
    images, labels = torch.from_numpy(rng.standard_normal((6, 3, 9, 9)).astype(np.float32)), torch.tensor([3, 0, 4, 0, 2, 2])
    tensors['mix.images'], tensors['mix.labels'] = images, labels.float()
    rows = []
    for i, (cutmix, drawn, x, y) in enumerate([(0, 0.3, 0, 0), (0, 0.875, 0, 0), (1, 0.65, 4, 4), (1, 0.6, 0, 8), (1, 0.45, 6, 2), (1, 0.05, 3, 1), (1, 0.99, 5, 5)]):
        drawn = float(np.float32(drawn))
        seen = {}

        def box(shape, lam, **kwargs):
            seen['box'], seen['lambda'] = cutmix_bbox_and_lam(shape, lam, **kwargs)
            return seen['box'], seen['lambda']

        cutmix_bbox_and_lam = mixup.cutmix_bbox_and_lam
        parts = []
        for first in range(0, 6, C['lane']):
            places = iter([y, x])
            mixer = mixup.Mixup(mixup_alpha=0.8, cutmix_alpha=1.0, label_smoothing=C['smoothing'], num_classes=C['classes'])
            with mock.patch('numpy.random.rand', lambda: 0.1 if cutmix else 0.9), mock.patch('numpy.random.beta', lambda *_: drawn), \
                    mock.patch('numpy.random.randint', lambda *_, **__: next(places)), mock.patch.object(mixup, 'cutmix_bbox_and_lam', box):
                parts.append(mixer(images[first:first + C['lane']].clone(), labels[first:first + C['lane']]))
        yl, yh, xl, xh = map(int, seen.get('box', (0, 0, 0, 0)))
        rows.append((cutmix, drawn, x, y, seen.get('lambda', drawn), xl, yl, xh - xl, yh - yl))
        tensors[f'mix.{i}.images'], tensors[f'mix.{i}.targets'] = (torch.cat(p) for p in zip(*parts))
    numbers('mix.cases', rows)


def repeat():
    numbers('repeat.lanes', [list(distributed_sampler.RepeatAugSampler(range(24), 3, rank, shuffle=False, num_repeats=3, selected_round=0))
                             for rank in range(3)])


def main():
    image, dull, bright = pictures()
    keep('image', image), keep('dull', dull), keep('bright', bright)
    resize(image), affine(image), operations(image, dull, bright), jitter(image), crop(), erase(), mix(), repeat()
    save_file({n: v.contiguous() for n, v in tensors.items()}, OUT, metadata={'config': json.dumps(C | {'kinds': KINDS})})
    print(f'{len(tensors)} tensors, {OUT.stat().st_size} bytes in {OUT.name}')


if __name__ == '__main__':
    main()
