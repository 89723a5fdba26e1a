"""A network that mvmoe trained as ONNX, dense or sparse, for ONNX Runtime and OpenVINO: only chosen experts are computed.

    python tools/onnx/export.py runs/moe/best.safetensors moe.onnx     # needs requirements.txt of this folder

Input `images` [batch, 3, S, S], normalised by the file's mean and std; output `logits` [batch, classes]; any batch. Where images
are routed, the chosen experts' weights are gathered; where tokens are, tokens are sorted by expert and each expert takes its
piece. The model is checked by onnx, and run in ONNX Runtime and OpenVINO (where installed) on batches of 1 to 33: logits must
agree with the reader's to 1e-4 of the largest. Class names and preprocessing stand in the model's metadata.
"""
import json, sys
import onnx
import torch, torch.nn.functional as F
from reader import Network


class Exported(Network):
    """The reader with an `experts` that is made of operations that ONNX has, for any batch."""

    def __init__(self, path):
        super().__init__(path)
        for name, value in self.t.items():  # parameters, so that they become the model's weights under their own names
            self.register_parameter(name.replace('.', '/'), torch.nn.Parameter(value, requires_grad=False))
        self.t = {name: getattr(self, name.replace('.', '/')) for name in self.t}

    def experts(self, x, name, chosen, gates):  # items [n, R, D], their experts and gates [n, k]
        w = {layer: (self.t[f'{name}.experts.{layer}.weight'], self.t[f'{name}.experts.{layer}.bias']) for layer in ('fc1', 'fc2')}
        y = self.mlp(x, name + '.shared') if self.moe['shared_experts'] else torch.zeros_like(x)
        one = self.gathered if self.moe['routing'] != 'token' else self.sorted
        for place in range(self.moe['top_k']):
            y = y + gates[:, place, None, None] * one(x, w, chosen[:, place])
        return y

    @staticmethod
    def gathered(x, w, expert):  # each image [R, D] by the weights of its expert
        hidden = F.gelu(x @ w['fc1'][0][expert].transpose(1, 2) + w['fc1'][1][expert][:, None])
        return hidden @ w['fc2'][0][expert].transpose(1, 2) + w['fc2'][1][expert][:, None]

    @staticmethod
    def sorted(x, w, expert):  # tokens [n, 1, D] in the order of their experts, each expert a piece, and back
        order = torch.argsort(expert)
        rows, sorted_expert = x[:, 0][order], expert[order]
        pieces, begin = [], torch.zeros((), dtype=torch.int64)
        for e in range(len(w['fc1'][0])):
            end = begin + (sorted_expert == e).sum()
            hidden = F.gelu(F.linear(rows[begin:end], w['fc1'][0][e], w['fc1'][1][e]))
            pieces.append(F.linear(hidden, w['fc2'][0][e], w['fc2'][1][e]))
            begin = end
        return torch.cat(pieces)[torch.argsort(order)][:, None]


def runs(path):  # in each runtime that is installed: images to logits
    try:
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
        yield 'ONNX Runtime ' + onnxruntime.__version__, lambda images: session.run(None, {'images': images.numpy()})[0]
    except ModuleNotFoundError:
        print('onnxruntime is not installed: not run there')
    try:
        import openvino
        compiled = openvino.Core().compile_model(path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
        yield 'OpenVINO ' + openvino.__version__.split('-')[0], lambda images: compiled(images.numpy())[0]
    except ModuleNotFoundError:
        print('openvino is not installed: not run there')


def main(weights, out):
    torch.manual_seed(0)
    model, reader = Exported(weights).eval(), Network(weights)
    side = model.c['image']
    torch.onnx.export(model, (torch.randn(3, 3, side, side),), out, input_names=['images'], output_names=['logits'], dynamo=False,
                      dynamic_axes={'images': {0: 'batch'}, 'logits': {0: 'batch'}})
    exported = onnx.load(out)
    onnx.helper.set_model_props(exported, {key: json.dumps(model.about[key]) for key in ('classes', 'mean', 'std', 'crop_pct', 'interpolation')})
    onnx.save(exported, out)
    onnx.checker.check_model(out, full_check=True)
    failed = False
    for name, run in runs(out):
        for batch in (1, 2, 5, 33):  # none of them the one it was exported with
            images = torch.randn(batch, 3, side, side)
            with torch.no_grad():
                must_be = reader(images)
            error = ((torch.from_numpy(run(images)) - must_be).abs().max() / must_be.abs().max()).item()
            failed |= not error < 1e-4
            print(f'{name}, batch {batch}: {error:.1e} of the largest logit: {"ok" if error < 1e-4 else "FAILED"}')
    return failed


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:3]))
