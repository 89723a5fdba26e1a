"""An exported network in int8, by ONNX Runtime's own tools, and what that costs in accuracy.

    python tools/onnx/quantise.py moe.onnx --data cifar100:DIR      # writes moe.dynamic.onnx and moe.static.onnx

dynamic: weights in int8, activations measured while running. static: both in int8, the activations' ranges taken from training
images; attention's own two products stay in floats. Top-1 of all three on the same test images, in ONNX Runtime, how often each
says what the float network says, and how far its logits are off. How fast they are: bench.py. Experts' weights that are gathered for each image are no
constant of a product, so their products stay in floats; dynamic stores them in int8 all the same and scales them back.
"""
import argparse, pathlib, tempfile
import numpy as np
import onnx, onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from images import images_of


class Calibration(CalibrationDataReader):
    def __init__(self, images, batch=32):
        self.batches = iter([{'images': images[i:i + batch]} for i in range(0, len(images) - len(images) % batch, batch)])

    def get_next(self):
        return next(self.batches, None)


def products(path):  # the products by a constant, by name, and all others
    graph = onnx.load(path).graph
    constant = {t.name for t in graph.initializer}
    nodes = [n for n in graph.node if n.op_type in ('MatMul', 'Gemm', 'Conv')]
    return [n.name for n in nodes if n.input[1] in constant], [n.name for n in nodes if n.input[1] not in constant]


def logits_of(path, images, batch=100):  # [n, classes]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return np.concatenate([session.run(None, {'images': images[i:i + batch]})[0] for i in range(0, len(images), batch)])


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('network', type=pathlib.Path)
    p.add_argument('--data', required=True, help='cifar100:DIR or folder:DIR')
    p.add_argument('--calibrate', type=int, default=512, help='training images that the ranges are taken from')
    p.add_argument('--images', type=int, default=10000, help='test images, at most')
    a = p.parse_args()
    dynamic, static = (a.network.with_suffix(f'.{kind}.onnx') for kind in ('dynamic', 'static'))
    with tempfile.TemporaryDirectory() as folder:
        prepared = pathlib.Path(folder) / 'prepared.onnx'
        quant_pre_process(a.network, prepared)
        constant, other = products(prepared)
        quantize_dynamic(prepared, dynamic, per_channel=True, weight_type=QuantType.QInt8)
        quantize_static(prepared, static, Calibration(images_of(a.data, 'train', a.network, a.calibrate)[0]), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=['MatMul', 'Gemm', 'Conv'], nodes_to_exclude=other)
    images, labels = images_of(a.data, 'test', a.network, a.images)
    print(f'{len(images)} test images; {len(constant)} products by constant weights, {len(other)} others')
    floats = logits_of(a.network, images)
    for path in (a.network, dynamic, static):
        logits = logits_of(path, images)
        said, off = logits.argmax(1), np.abs(logits - floats).max(1) / np.abs(floats).max(1)
        print(f'{path}: {path.stat().st_size / 2 ** 20:.2f} MiB, top-1 {100 * (said == labels).mean():.2f} %, as the float network {100 * (said == floats.argmax(1)).mean():.2f} %, '
              f"an image's logits off by {100 * np.median(off):.2f} % of its largest (median; at most {100 * off.max():.2f} %)", flush=True)


if __name__ == '__main__':
    main()
