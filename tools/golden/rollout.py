"""Attention rollout of small ViTs of timm's, from the probabilities that timm itself computes.

    python tools/golden/rollout.py     # from the repository's root, after timm_files.py; writes tests/golden/rollout.safetensors

CASE being a network of tests/golden/timm: CASE.block.I [3, T, T], the probabilities of block I, averaged over heads, for
images.12 of its expected.safetensors; CASE.rollout [3, N], the patches' shares in what the head reads, by the definition:
a product of whole matrices, each row divided by its sum (Abnar & Zuidema 2020, arXiv 2005.00928). All in float64.
"""
import pathlib
import torch
from safetensors.torch import load_file, save_file
from timm_files import BASE, CASES, OUT as TIMM
from timm.models.vision_transformer import VisionTransformer

OUT = TIMM.parent / 'rollout.safetensors'


def main():
    images, out = load_file(TIMM / 'expected.safetensors')['images.12'].double(), {}
    for name in ('token', 'avg_norm', 'avg_no_class_token', 'layer_scale'):
        options = {k: v for k, v in (BASE | CASES[name]).items() if k != 'dtype'}
        model = VisionTransformer(**options).eval()
        model.load_state_dict(load_file(TIMM / name / 'model.safetensors'), strict=True)
        model = model.double()
        probabilities = []
        for block in model.blocks:
            block.attn.fused_attn = False
            block.attn.attn_drop.register_forward_pre_hook(lambda _, args: probabilities.append(args[0].mean(1)))  # [3, T, T]
        with torch.no_grad():
            model(images)
        rollout = torch.eye(probabilities[0].shape[-1], dtype=torch.float64)
        for i, p in enumerate(probabilities):
            out[f'{name}.block.{i}'] = p.float()
            step = 0.5 * p + 0.5 * torch.eye(p.shape[-1], dtype=torch.float64)
            rollout = step / step.sum(-1, keepdim=True) @ rollout
        first = model.num_prefix_tokens
        read = rollout[:, 0] if model.global_pool == 'token' else rollout[:, first:].mean(1)
        out[f'{name}.rollout'] = read[:, first:].contiguous().float()
        print(f'{name}: {len(probabilities)} blocks, shares {read[:, first:].min():.3f} to {read[:, first:].max():.3f}')
    save_file(out, OUT, metadata={'format': 'pt'})


if __name__ == '__main__':
    torch.set_num_threads(1)
    main()
