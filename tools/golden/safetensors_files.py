"""A file that the reference safetensors library wrote, and whether it reads one of ours.

    python tools/golden/safetensors_files.py     # from the repository's root; writes tests/golden/safetensors/reference.safetensors

reference.safetensors, by the library's own save_file: every dtype that mvmoe converts (F32, F16, BF16, F64; in `f32` and `f64`
besides powers of two numbers that rounding could change), others that may stand in a file, an empty tensor, a scalar, four
axes, metadata that JSON must escape; its header is padded with spaces. ours.safetensors was written by engine/safetensors_write.cpp
(tests/engine/safetensors_reference_test.cpp gives the same bytes): the library must read it, to the bit.
"""
import json, pathlib, zlib
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/safetensors'
METADATA = {'format': 'pt', 'quotes': 'a "b" \\ c\nnew line\t猫 Grüße'}


def ours():
    """What the test's C++ puts into ours.safetensors."""
    odd = torch.tensor([0.1, -0.0, float('inf'), float('-inf'), 1e-45, 3.4028235e38], dtype=torch.float32)
    return {'odd': odd.reshape(2, 3), 'empty': torch.zeros(0, 4), 'four.axes': torch.arange(24, dtype=torch.float32).reshape(1, 2, 3, 4) / 7, 'Grüße "猫"': torch.tensor([42.0])}


def main():
    tenths = torch.arange(-3, 4, dtype=torch.float64) / 10
    save_file({'f32': tenths.float(), 'f16': tenths.half(), 'bf16': tenths.bfloat16(), 'f64': tenths, 'scalar': torch.tensor(2.5), 'empty': torch.zeros(3, 0),
               'four.axes': torch.arange(24, dtype=torch.float32).reshape(1, 2, 3, 4), 'i64': torch.arange(3), 'u8': torch.arange(5, dtype=torch.uint8),
               'flags': torch.tensor([True, False, True])}, OUT / 'reference.safetensors', metadata=METADATA)
    header = (OUT / 'reference.safetensors').read_bytes()
    length = int.from_bytes(header[:8], 'little')
    assert header[8:8 + length].endswith(b' '), 'this version of the library does not pad'
    path, must_be = OUT / 'ours.safetensors', ours()
    is_there = load_file(path)
    assert is_there.keys() == must_be.keys()
    for name, value in must_be.items():
        assert is_there[name].dtype == torch.float32 and is_there[name].shape == value.shape and is_there[name].numpy().tobytes() == value.numpy().tobytes(), name
    with safe_open(path, 'pt') as f:
        metadata = f.metadata()
    crcs = json.loads(metadata.pop('crc32'))
    assert metadata == METADATA and crcs == {name: f'{zlib.crc32(value.numpy().tobytes()):08x}' for name, value in must_be.items()}
    print(f'reference.safetensors: header of {length} bytes; ours.safetensors is read, {len(must_be)} tensors, to the bit')


if __name__ == '__main__':
    main()
