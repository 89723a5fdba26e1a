"""Images of a data set as an exported network reads them, for quantise.py: normalised, of its size, with their labels.

    images_of('cifar100:DIR' or 'folder:DIR', 'train' or 'test', network, most)     # [n, 3, S, S] float32, [n]

The data sets are mvmoe's own (`mvmoe train --help`); size, mean, std, crop and interpolation stand in the network's metadata.
"""
import json, pathlib
import numpy as np
import onnx
from PIL import Image


def about(path):
    model = onnx.load(path, load_external_data=False)
    said = {p.key: json.loads(p.value) for p in model.metadata_props if p.key in ('classes', 'mean', 'std', 'crop_pct', 'interpolation')}
    return said | {'side': model.graph.input[0].type.tensor_type.shape.dim[2].dim_value}


def cifar100(folder, part, count):
    records = np.fromfile(pathlib.Path(folder) / f'{part}.bin', dtype=np.uint8).reshape(-1, 2 + 3 * 32 * 32)
    records = records[np.random.default_rng(0).permutation(len(records))[:count]]
    return records[:, 2:].reshape(-1, 3, 32, 32), records[:, 1].astype(np.int64)


def folder(path, part, count, said):  # the short side becomes side / crop_pct, then the centre, as timm and mvmoe do
    root = pathlib.Path(path) / {'train': 'train', 'test': 'val'}[part]
    files = sorted(f for f in root.glob('*/*') if f.suffix.lower() in ('.jpg', '.jpeg', '.png'))
    if not files:
        raise SystemExit(f'{root}: no image (jpg, jpeg, png) in its class folders')
    files = [files[i] for i in np.random.default_rng(0).permutation(len(files))[:count]]
    side, names = said['side'], sorted({f.parent.name for f in root.glob('*/*')})
    images = np.empty((len(files), 3, side, side), np.uint8)
    for i, file in enumerate(files):
        image = Image.open(file).convert('RGB')
        short = max(side, int(side / said['crop_pct']))
        size = [short * length // min(image.size) for length in image.size]
        image = image.resize(size, {'bicubic': Image.BICUBIC, 'bilinear': Image.BILINEAR}[said['interpolation']])
        left, top = (round((length - side) / 2) for length in size)
        images[i] = np.asarray(image.crop((left, top, left + side, top + side))).transpose(2, 0, 1)
    labels = {name: said['classes'].index(name) if name in said['classes'] else i for i, name in enumerate(names)}
    return images, np.array([labels[f.parent.name] for f in files])


def images_of(spec, part, network, count):
    kind, _, path = spec.partition(':')
    said = about(network)
    if kind not in ('cifar100', 'folder') or not path:
        raise SystemExit(f'--data: {spec}: must be cifar100:DIR or folder:DIR')
    pixels, labels = cifar100(path, part, count) if kind == 'cifar100' else folder(path, part, count, said)
    if pixels.shape[2] != said['side']:
        raise SystemExit(f'--data: {spec}: images of {pixels.shape[2]} pixels, {network} reads {said["side"]}')
    mean, std = (np.array(said[key], np.float32)[:, None, None] for key in ('mean', 'std'))
    return (pixels.astype(np.float32) / 255 - mean) / std, labels
