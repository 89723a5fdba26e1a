"""Small JPEG, PNG, BMP and GIF files of every kind that is read, and the colours that Pillow's convert('RGB') gives for them.

    pip install -r tools/golden/requirements.txt
    python tools/golden/images.py         # from the repository's root; writes tests/golden/images/

expected.safetensors holds a tensor [height, width, 3] a file, named as the file. One kind is given otherwise than by
Pillow: 16-bit grey, of which Pillow shows everything above 255 as white; here it is the high byte.
"""
import io, pathlib, struct
import numpy as np
from PIL import Image
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/images'
W, H = 21, 14
rng = np.random.default_rng(5)
x, y = np.meshgrid(np.arange(W), np.arange(H))
rgb = np.stack([12 * x, 18 * y, 250 - 6 * x - 8 * y], -1).clip(0, 255).astype(np.uint8)  # smooth: JPEG keeps it well
noise = rng.integers(0, 256, (H, W, 4), dtype=np.uint8)
expected = {}


def keep(name, data, colours=None):
    (OUT / name).write_bytes(data)
    image = Image.open(io.BytesIO(data))
    expected[name] = (np.asarray(image.convert('RGB')) if colours is None else colours).astype(np.float32)


def file_of(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(image, **options):
    return file_of(image, 'jpeg', quality=95, **options)


def without_segment(data, marker):
    at = 2
    while data[at + 1] != marker:
        at += 2 + struct.unpack('>H', data[at + 2:at + 4])[0]
    return data[:at] + data[at + 2 + struct.unpack('>H', data[at + 2:at + 4])[0]:]


OUT.mkdir(exist_ok=True)
image = Image.fromarray(rgb)
keep('colour.jpg', jpeg(image))                                   # colours at half the resolution
keep('full_colour.jpg', jpeg(image, subsampling=0))
keep('progressive.jpg', jpeg(image, progressive=True))
keep('grey.jpg', jpeg(image.convert('L')))
exif = Image.Exif()
exif[0x0112] = 6                                                  # turn me by 90 degrees
keep('rotated.jpg', jpeg(image, exif=exif))
cmyk = jpeg(Image.fromarray(np.concatenate([rgb, (60 + 5 * x[..., None]).astype(np.uint8)], -1), 'CMYK'))
keep('cmyk.jpg', cmyk)
adobe = cmyk.index(b'Adobe')
keep('ycck.jpg', cmyk[:adobe + 11] + b'\2' + cmyk[adobe + 12:])   # the same numbers, said to be YCCK
keep('cmyk_unmarked.jpg', without_segment(cmyk, 0xEE))
keep('colour.png', file_of(Image.fromarray(noise[..., :3]), 'png'))
keep('grey.png', file_of(Image.fromarray(noise[..., 0]), 'png'))
keep('grey_alpha.png', file_of(Image.fromarray(noise[..., :2], 'LA'), 'png'))
keep('alpha.png', file_of(Image.fromarray(noise), 'png'))
keep('palette.png', file_of(image.quantize(13), 'png'))
keep('palette_transparent.png', file_of(image.quantize(13), 'png', transparency=3))
keep('one_bit.png', file_of(image.convert('1'), 'png'))
grey16 = rng.integers(0, 65536, (H, W)).astype(np.uint16)
keep('grey16.png', file_of(Image.fromarray(grey16), 'png'), np.repeat((grey16 >> 8)[..., None], 3, -1))
keep('one_pixel.png', file_of(Image.fromarray(noise[:1, :1, :3]), 'png'))


def chunk(kind, body):
    import zlib
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def png16(channels, kind):  # Pillow writes no 16-bit colours
    import zlib
    numbers = rng.integers(0, 65536, (H, W, channels)).astype('>u2')
    rows = b''.join(b'\0' + row.tobytes() for row in numbers)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', W, H, 16, kind, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


keep('colour16.png', png16(3, 2))
keep('alpha16.png', png16(4, 6))
keep('grey_alpha16.png', png16(2, 4))
keep('colour.bmp', file_of(image, 'bmp'))
keep('palette.bmp', file_of(image.quantize(13), 'bmp'))
keep('grey.bmp', file_of(image.convert('L'), 'bmp'))
bottom_up = file_of(image, 'bmp')
rows = bottom_up[54:]
stride = len(rows) // H
keep('top_down.bmp', bottom_up[:22] + struct.pack('<i', -H) + bottom_up[26:54]
     + b''.join(rows[stride * i:stride * (i + 1)] for i in reversed(range(H))))
keep('palette.gif', file_of(image.quantize(13), 'gif', interlace=0))
keep('interlaced.gif', file_of(image.quantize(13), 'gif', interlace=1))
second = Image.fromarray(rgb[::-1].copy())
keep('two_frames.gif', file_of(image.quantize(13), 'gif', save_all=True, append_images=[second.quantize(13)]))
save_file(expected, OUT / 'expected.safetensors')
