"""Golden values of the whole dense ViT: logits, loss, every gradient, and five steps of AdamW.

    pip install -r tools/golden/requirements.txt
    python tools/golden/vit.py            # from the repository's root; writes tests/golden/vit.safetensors

The model is written out below from its definition and must agree with timm's VisionTransformer, which loads the same
parameters: an assert each for logits and gradients, for both poolings. Tensors (all fp32, names as in timm):
    images [5, 3, 12, 12], targets [5, 7], init.<name>
    logits [5, 7], loss [1], grad.<name>          pooling by class token
    mean.logits, mean.loss, mean.grad.<name>      pooling by the mean of the patch tokens, after the final norm
    losses, grad_norms, lrs [5], after5.<name>    AdamW on this one batch, from init; norms are those before clipping
"""
import json, math, pathlib
import numpy as np
import torch, torch.nn.functional as F
import timm
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer

# Odd or unequal sizes wherever possible, so that swapped axes cannot pass: head dim 12, T = 10, B = 5, 7 classes.
C = dict(seed=1, depth=2, width=24, heads=2, mlp_ratio=4, image=12, patch=4, channels=3, classes=7, batch=5, eps_norm=1e-6,
         label_smoothing=0.1, mix_lambda=0.3, lr=1e-2, warmup_lr=1e-6, min_lr=1e-5, warmup_steps=2, total_steps=10, steps=5,
         weight_decay=0.05, betas=[0.9, 0.999], eps_adam=1e-8, clip=0.5)
OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/vit.safetensors'


def shapes():
    D, P, T = C['width'], C['patch'], (C['image'] // C['patch']) ** 2 + 1
    s = {'cls_token': (1, 1, D), 'pos_embed': (1, T, D),
         'patch_embed.proj.weight': (D, C['channels'], P, P), 'patch_embed.proj.bias': (D,)}
    for i in range(C['depth']):
        for name, out, inner in [('norm1', D, 0), ('attn.qkv', 3 * D, D), ('attn.proj', D, D), ('norm2', D, 0),
                                 ('mlp.fc1', C['mlp_ratio'] * D, D), ('mlp.fc2', D, C['mlp_ratio'] * D)]:
            s[f'blocks.{i}.{name}.weight'] = (out, inner) if inner else (out,)
            s[f'blocks.{i}.{name}.bias'] = (out,)
    return s | {'norm.weight': (D,), 'norm.bias': (D,), 'head.weight': (C['classes'], D), 'head.bias': (C['classes'],)}


def is_norm(name):
    return 'norm' in name


def is_decayed(name):  # linear and convolution weights; never biases, norms, class token, position embedding
    return name.endswith('.weight') and not is_norm(name)


def inputs():
    """Parameters far from their start values (at gamma = 1, bias = 0 many a wrong gradient is right), images, targets."""
    rng = np.random.default_rng(C['seed'])
    # Rounded to fp32, then double: the engine starts from exactly these numbers.
    exact = lambda x: torch.from_numpy(np.asarray(x, np.float32).astype(np.float64))
    params = {}
    for name, shape in shapes().items():
        noise = rng.standard_normal(shape)
        if is_norm(name) and name.endswith('weight'):
            params[name] = exact(1 + 0.3 * noise)
        else:  # 0.25 on weights makes the attention uneven, as a trained model's is
            params[name] = exact((0.25 if name.endswith('weight') else 0.2 if name.endswith('bias') else 0.5) * noise)
    images = exact(rng.standard_normal((C['batch'], C['channels'], C['image'], C['image'])))
    smooth = np.eye(C['classes']) * (1 - C['label_smoothing']) + C['label_smoothing'] / C['classes']
    labels = rng.integers(C['classes'], size=C['batch'])
    others = (labels + rng.integers(1, C['classes'], size=C['batch'])) % C['classes']  # never the same label
    return params, images, exact(C['mix_lambda'] * smooth[labels] + (1 - C['mix_lambda']) * smooth[others])


def vit(p, images, pool):  # [B, 3, S, S] -> [B, classes]
    D, H = C['width'], C['heads']
    norm = lambda x, name: F.layer_norm(x, (D,), p[name + '.weight'], p[name + '.bias'], C['eps_norm'])
    linear = lambda x, name: x @ p[name + '.weight'].T + p[name + '.bias']
    x = F.conv2d(images, p['patch_embed.proj.weight'], p['patch_embed.proj.bias'], stride=C['patch']).flatten(2).transpose(1, 2)
    x = torch.cat([p['cls_token'].expand(len(x), 1, D), x], 1) + p['pos_embed']  # [B, T, D]
    B, T, _ = x.shape
    for i in range(C['depth']):
        b = f'blocks.{i}.'
        q, k, v = linear(norm(x, b + 'norm1'), b + 'attn.qkv').reshape(B, T, 3, H, D // H).permute(2, 0, 3, 1, 4)
        y = ((q @ k.transpose(2, 3)) / math.sqrt(D // H)).softmax(-1) @ v  # [B, H, T, D / H]
        x = x + linear(y.transpose(1, 2).reshape(B, T, D), b + 'attn.proj')
        x = x + linear(F.gelu(linear(norm(x, b + 'norm2'), b + 'mlp.fc1')), b + 'mlp.fc2')
    x = norm(x, 'norm')
    return linear(x[:, 0] if pool == 'cls' else x[:, 1:].mean(1), 'head')


def loss_of(logits, targets):
    return -(targets * logits.log_softmax(-1)).sum(-1).mean()


def gradients(params, images, targets, pool):
    p = {name: value.clone().requires_grad_() for name, value in params.items()}
    logits = vit(p, images, pool)
    loss = loss_of(logits, targets)
    loss.backward()
    return logits.detach(), loss.detach(), {name: value.grad for name, value in p.items()}


def largest_difference(a, b):
    return max((a[n] - b[n]).abs().max().item() for n in a)


def check_against_timm(params, images, targets, pool, logits, grads):
    model = VisionTransformer(img_size=C['image'], patch_size=C['patch'], in_chans=C['channels'], num_classes=C['classes'],
                              embed_dim=C['width'], depth=C['depth'], num_heads=C['heads'], mlp_ratio=C['mlp_ratio'],
                              global_pool={'cls': 'token', 'mean': 'avg'}[pool],
                              fc_norm=False).double()  # else timm would pool before the norm
    model.load_state_dict(params)  # strict: the names and shapes are timm's
    theirs = model(images)
    loss_of(theirs, targets).backward()
    logit_error = (theirs - logits).abs().max().item()
    grad_error = largest_difference(grads, {n: q.grad for n, q in model.named_parameters()})
    print(f'pool {pool}: largest difference from timm {timm.__version__}: logits {logit_error:.2g}, gradients {grad_error:.2g}')
    assert logit_error < 1e-12 and grad_error < 1e-12


def learning_rate(step):
    w = C['warmup_steps']
    if step < w:
        return C['warmup_lr'] + (C['lr'] - C['warmup_lr']) * step / w
    return C['min_lr'] + 0.5 * (C['lr'] - C['min_lr']) * (1 + math.cos(math.pi * step / C['total_steps']))


def train(params, images, targets):
    """Five steps with PyTorch's own clipping and AdamW: losses, norms, rates, parameters after the last."""
    p = {name: value.clone().requires_grad_() for name, value in params.items()}
    groups = [dict(params=[v for n, v in p.items() if is_decayed(n)], weight_decay=C['weight_decay']),
              dict(params=[v for n, v in p.items() if not is_decayed(n)], weight_decay=0.0)]
    adamw = torch.optim.AdamW(groups, lr=1.0, betas=C['betas'], eps=C['eps_adam'])
    losses, norms, rates = [], [], []
    for step in range(C['steps']):
        adamw.zero_grad()
        loss = loss_of(vit(p, images, 'cls'), targets)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(p.values(), C['clip']).item())
        rates.append(learning_rate(step))
        for group in adamw.param_groups:
            group['lr'] = rates[-1]
        adamw.step()
        losses.append(loss.item())
    assert min(norms) > C['clip'], 'clipping never acts: the golden values would not test it'
    return losses, norms, rates, {n: v.detach() for n, v in p.items()}


def without_key_noise(grads):
    """Keys' biases shift every score of a query alike, which softmax ignores: their gradient is 0, and is stored as 0."""
    D = C['width']
    for name, g in grads.items():
        if name.endswith('qkv.bias'):
            assert g[D:2 * D].abs().max() < 1e-14
            g[D:2 * D] = 0
    return grads


def report_fp32(params, images, targets, tensors, after):
    """How far PyTorch itself is off in fp32: the scale on which a test chooses its tolerance."""
    single = {n: v.float() for n, v in params.items()}, images.float(), targets.float()
    logits, _, grads = gradients(*single, 'cls')
    moved = train(*single)[3]
    D, key, rest = C['width'], 0.0, 0.0
    for n in moved:
        error = (moved[n] - after[n]).abs()
        if n.endswith('qkv.bias'):
            key = max(key, error[D:2 * D].max().item())
            error[D:2 * D] = 0
        rest = max(rest, error.max().item())
    print(f'PyTorch in fp32 is off by: logits {(logits - tensors["logits"]).abs().max():.2g}, '
          f'gradients {max((grads[n] - tensors["grad." + n]).abs().max().item() for n in grads):.2g}, '
          f'after5 {rest:.2g}, and {key:.2g} in the key third of qkv.bias')


def main():
    params, images, targets = inputs()
    tensors = {'images': images, 'targets': targets} | {'init.' + n: v for n, v in params.items()}
    for pool, prefix in [('cls', ''), ('mean', 'mean.')]:
        logits, loss, grads = gradients(params, images, targets, pool)
        check_against_timm(params, images, targets, pool, logits, grads)
        tensors |= {prefix + 'logits': logits, prefix + 'loss': loss.reshape(1)}
        tensors |= {f'{prefix}grad.{n}': g for n, g in without_key_noise(grads).items()}
    losses, norms, rates, after = train(params, images, targets)
    print('losses', losses, '\ngrad_norms', norms, '\nlrs', rates)
    tensors |= {'losses': torch.tensor(losses, dtype=torch.float64), 'grad_norms': torch.tensor(norms, dtype=torch.float64),
                'lrs': torch.tensor(rates, dtype=torch.float64)} | {'after5.' + n: v for n, v in after.items()}
    report_fp32(params, images, targets, tensors, after)
    assert all(v.dtype == torch.float64 and v.isfinite().all() for v in tensors.values())
    # One metadata key only: safetensors does not keep the order of several, and the file must come out the same each time.
    save_file({n: v.float().contiguous() for n, v in tensors.items()}, OUT, metadata={'config': json.dumps(C)})
    print(f'{len(tensors)} tensors, {OUT.stat().st_size} bytes in {OUT.name}')


if __name__ == '__main__':
    torch.set_num_threads(1)  # the order of sums, and so the last bits, must not depend on the machine's cores
    main()
