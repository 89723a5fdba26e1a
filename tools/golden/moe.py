"""Golden values of small sparse ViTs, one for each way of routing and balancing: logits, every loss term, every gradient.

    pip install -r tools/golden/requirements.txt
    python tools/golden/moe.py            # from the repository's root; writes tests/golden/moe.safetensors

The network is written out from the definitions of models/README.md, one image or token at a time where it decides
anything, in double precision; PyTorch differentiates it. Tensors, CASE being a key of CASES:
    images [5, 3, 12, 12], targets [5, 7], labels [5]
    CASE.init.<name>, CASE.logits [5, 7], CASE.losses [4]: task, guidance, balance, z before their weights
    CASE.grad.<name>                  of the weighted sum
    CASE.taken [routers, E]           items that each expert got
"""
import json, math, pathlib
import numpy as np
import torch, torch.nn.functional as F
from safetensors.torch import save_file

# Lanes of 2, 2 and 1 images: the groups in which tokens are balanced and capacity is counted.
C = dict(seed=2, depth=2, width=12, heads=2, hidden=24, image=12, patch=4, classes=7, batch=5, lane=2, eps_norm=1e-6, label_smoothing=0.1,
         noise_seed=5, guide_weight=0.3, balance_weight=0.2, z_weight=0.05)
SUPERCLASS_OF = [0, 1, 2, 0, 1, 2, 2]
CASES = {
    'superclass': dict(E=3, L=2, k=1, routing='superclass', input='mean'),
    'superclass_cls': dict(E=4, L=1, k=2, routing='superclass', input='cls', renormalise=True),
    'image_load': dict(E=4, L=1, k=2, routing='image', input='mean', balance='importance-load', noise=True, shared=1),
    'image_switch': dict(E=3, L=1, k=1, routing='image', input='cls', balance='switch'),
    'image_bias': dict(E=3, L=2, k=1, routing='image', input='mean', balance='bias'),
    'token_load': dict(E=4, L=2, k=2, routing='token', balance='importance-load', noise=True, capacity=0.9),
    'token_switch': dict(E=3, L=2, k=1, routing='token', balance='switch', capacity=0.8, priority=True, shared=2),
    'token_clean': dict(E=3, L=1, k=2, routing='token', balance='importance-load', renormalise=True),
    'token_choice': dict(E=4, L=1, k=2, routing='token', balance='expert-choice', capacity=0.7),
}
OUT = pathlib.Path(__file__).resolve().parents[2] / 'tests/golden/moe.safetensors'
exact = lambda x: torch.from_numpy(np.asarray(x, np.float32).astype(np.float64))


def philox(counter, key):
    """Philox4x32-10, Salmon et al. 2011."""
    c, key, mask = list(counter), list(key), 0xFFFFFFFF
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ key[0], b & mask, (a >> 32) ^ c[3] ^ key[1], a & mask]
        key = [(key[0] + 0x9E3779B9) & mask, (key[1] + 0xBB67AE85) & mask]
    return c


def normals(seed, place, step, index, count):
    """What Random(seed, place, step, index) gives: Box and Muller, each block's words from the last to the first."""
    words, out = [], []
    for block in range((count + 3) // 4 * 2):
        words += philox((block, index, step, place), (seed, 0))[::-1]
    for u, angle in zip(words[0::2], words[1::2]):
        radius, angle = math.sqrt(-2 * math.log((u + 1) / 2**32)), 2 * math.pi * angle / 2**32
        out += [radius * math.cos(angle), radius * math.sin(angle)]
    return out[:count]


def noise_of(case, first_item, items, layer):  # [items, E], the engine's own draws; 8 is Place::router_noise
    return exact([[np.float32(1 / case['E']) * np.float32(x) for x in normals(C['noise_seed'], 8, 0, (first_item + i) << 8 | layer, case['E'])]
                  for i in range(items)])


def parameters(case, rng):
    D, P, hidden, E, T = C['width'], C['patch'], C['hidden'], case['E'], (C['image'] // C['patch']) ** 2 + 1
    p = {}
    def add(name, *shape, scale=0.3, around=0.0):
        p[name] = exact(around + scale * rng.standard_normal(shape))
    def linear(name, n, k, scale=0.3):
        add(name + '.weight', n, k, scale=scale), add(name + '.bias', n, scale=0.2)
    def norm(name):
        add(name + '.weight', D, around=1.0), add(name + '.bias', D, scale=0.2)
    def router(name, scale):
        linear(name, E, D, scale)
        if case.get('balance') == 'bias':
            add(name + '.balance_bias', E, scale=0.1)
    add('cls_token', 1, 1, D, scale=0.5), add('pos_embed', 1, T, D, scale=0.5)
    add('patch_embed.proj.weight', D, 3, P, P), add('patch_embed.proj.bias', D)
    for i in range(C['depth']):
        b = f'blocks.{i}.'
        norm(b + 'norm1'), linear(b + 'attn.qkv', 3 * D, D), linear(b + 'attn.proj', D, D), norm(b + 'norm2')
        if i < C['depth'] - case['L']:
            linear(b + 'mlp.fc1', hidden, D), linear(b + 'mlp.fc2', D, hidden)
            continue
        if case['routing'] == 'token':
            router(b + 'mlp.router', 0.3)
        add(b + 'mlp.experts.fc1.weight', E, hidden, D), add(b + 'mlp.experts.fc1.bias', E, hidden)
        add(b + 'mlp.experts.fc2.weight', E, D, hidden), add(b + 'mlp.experts.fc2.bias', E, D)
        if case.get('shared'):
            linear(b + 'mlp.shared.fc1', case['shared'] * hidden, D), linear(b + 'mlp.shared.fc2', D, case['shared'] * hidden)
    if case['routing'] != 'token':
        router('router', 1.5)
    norm('norm'), linear('head', C['classes'], D)
    return p


def choose(case, scores, p):
    """The list of (item, expert), as plain loops; scores choose, p gives the priority. n items of one group."""
    n, E = scores.shape
    k = case['k']
    if case.get('balance') == 'expert-choice':
        take = max(1, math.ceil(k * n * case.get('capacity', 1) / E))
        return [(i, e) for e in range(E) for i in sorted(range(n), key=lambda i: -scores[i, e].item())[:take]]
    limit = max(1, math.ceil(k * n * case['capacity'] / E)) if 'capacity' in case else n * k
    ranked = [sorted(range(E), key=lambda e: -scores[i, e].item())[:k] for i in range(n)]
    order = sorted(range(n), key=lambda i: -p[i].max().item()) if case.get('priority') else range(n)
    room, chosen = [limit] * E, []
    for rank in range(k):
        for i in order:
            e = ranked[i][rank]
            if room[e] > 0:
                room[e] -= 1
                chosen.append((i, e))
    return chosen


def route(case, p, name, x, first_item, layer):  # x [n, D] of one group
    z = x @ p[name + '.weight'].T + p[name + '.bias']
    noise = noise_of(case, first_item, len(x), layer) if case.get('noise') else torch.zeros_like(z)
    probs = (z + noise).softmax(-1)
    bias = p[name + '.balance_bias'].detach() if case.get('balance') == 'bias' else 0
    chosen = choose(case, probs.detach() + bias, probs.detach())
    gates = [probs[i, e] for i, e in chosen]
    if case.get('renormalise'):
        sums = {i: sum(g for (j, _), g in zip(chosen, gates) if j == i) for i, _ in chosen}
        gates = [g / sums[i] for (i, _), g in zip(chosen, gates)]
    return dict(z=z, noise=noise, probs=probs, chosen=chosen, gates=gates)


def moe(p, b, x, r, rows):  # x [n*rows, D]; each item's rows go through its experts
    mlp = lambda y, w1, b1, w2, b2: F.gelu(y @ w1.T + b1) @ w2.T + b2
    y = [torch.zeros_like(x[:rows]) for _ in range(len(x) // rows)]
    e1, c1, e2, c2 = (p[f'{b}mlp.experts.{n}'] for n in ('fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'))
    for (i, e), gate in zip(r['chosen'], r['gates']):
        y[i] = y[i] + gate * mlp(x[i * rows:(i + 1) * rows], e1[e], c1[e], e2[e], c2[e])
    y = torch.cat(y)
    if b + 'mlp.shared.fc1.weight' in p:
        y = y + mlp(x, *(p[f'{b}mlp.shared.{n}'] for n in ('fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias')))
    return y


def forward(case, p, images, first_image):  # one lane: logits [b, classes] and the routers' decisions
    D, H = C['width'], C['heads']
    norm = lambda x, name: F.layer_norm(x, (D,), p[name + '.weight'], p[name + '.bias'], C['eps_norm'])
    linear = lambda x, name: x @ p[name + '.weight'].T + p[name + '.bias']
    x = F.conv2d(images, p['patch_embed.proj.weight'], p['patch_embed.proj.bias'], stride=C['patch']).flatten(2).transpose(1, 2)
    x = torch.cat([p['cls_token'].expand(len(x), 1, D), x], 1) + p['pos_embed']
    B, T, _ = x.shape
    routed = []
    for i in range(C['depth']):
        b = f'blocks.{i}.'
        sparse = i >= C['depth'] - case['L']
        if sparse and not routed and case['routing'] != 'token':
            seen = x[:, 1:].mean(1) if case['input'] == 'mean' else x[:, 0]
            routed.append(route(case, p, 'router', seen, first_image, 0))
        q, k, v = linear(norm(x, b + 'norm1'), b + 'attn.qkv').reshape(B, T, 3, H, D // H).permute(2, 0, 3, 1, 4)
        y = ((q @ k.transpose(2, 3)) / math.sqrt(D // H)).softmax(-1) @ v
        x = x + linear(y.transpose(1, 2).reshape(B, T, D), b + 'attn.proj')
        y = norm(x, b + 'norm2')
        if not sparse:
            x = x + linear(F.gelu(linear(y, b + 'mlp.fc1')), b + 'mlp.fc2')
            continue
        flat = y.reshape(B * T, D)
        if case['routing'] == 'token':
            routed.append(route(case, p, b + 'mlp.router', flat, first_image * T, i))
        x = x + moe(p, b, flat, routed[-1], 1 if case['routing'] == 'token' else T).reshape(B, T, D)
    return linear(norm(x, 'norm')[:, 0], 'head'), routed


def cv_squared(s):
    return s.var(unbiased=False) / s.mean() ** 2


def balance_of(case, r):  # of one group
    n, E = r['z'].shape
    if case['balance'] == 'switch':
        share = torch.bincount(r['probs'].argmax(-1), minlength=E) / n
        return E * (share * r['probs'].mean(0)).sum()
    loss = cv_squared(r['z'].softmax(-1).sum(0))
    if case.get('noise'):
        threshold = (r['z'] + r['noise']).topk(case['k'], -1).values[:, -1:]
        loss = loss + cv_squared(torch.special.ndtr((r['z'] - threshold) * E).sum(0))
    return loss


def join(parts):  # the lanes' decisions of one router as those of the whole batch
    return {key: torch.cat([part[key] for part in parts]) for key in ('z', 'noise', 'probs')}


def run(case, params, images, targets, labels):
    p = {name: value.clone().requires_grad_() for name, value in params.items()}
    starts = range(0, C['batch'], C['lane'])
    lanes = [forward(case, p, images[s:s + C['lane']], s) for s in starts]
    logits = torch.cat([lane[0] for lane in lanes])
    task = -(targets * logits.log_softmax(-1)).sum(-1).mean()
    routers = list(zip(*(lane[1] for lane in lanes)))  # [routers][lanes]
    guidance = balance = torch.zeros((), dtype=torch.float64)
    z_loss = sum((join(parts)['z'].logsumexp(-1) ** 2).mean() for parts in routers)
    if case['routing'] == 'superclass':
        guidance = F.cross_entropy(join(routers[0])['z'], torch.tensor([SUPERCLASS_OF[l] for l in labels]))
    if case.get('balance') in ('switch', 'importance-load'):
        sizes = [len(images[s:s + C['lane']]) for s in starts]
        for parts in routers:
            balance = balance + (sum(balance_of(case, part) * b for part, b in zip(parts, sizes)) / C['batch'] if case['routing'] == 'token'
                                 else balance_of(case, join(parts)))
    (task + C['guide_weight'] * guidance + C['balance_weight'] * balance + C['z_weight'] * z_loss).backward()
    taken = [[sum(e == x for part in parts for _, e in part['chosen']) for x in range(case['E'])] for parts in routers]
    zero = lambda name: torch.zeros_like(params[name])
    grads = {n: v.grad if v.grad is not None else zero(n) for n, v in p.items()}
    D = C['width']
    for name, g in grads.items():  # keys' biases: exactly 0, whatever rounding says (vit.py)
        if name.endswith('qkv.bias'):
            assert g[D:2 * D].abs().max() < 1e-13
            g[D:2 * D] = 0
    return logits.detach(), torch.stack([task, guidance, balance, z_loss]).detach(), grads, torch.tensor(taken, dtype=torch.float64)


def main():
    rng = np.random.default_rng(C['seed'])
    images = exact(rng.standard_normal((C['batch'], 3, C['image'], C['image'])))
    labels = rng.integers(C['classes'], size=C['batch'])
    targets = exact(np.eye(C['classes'])[labels] * (1 - C['label_smoothing']) + C['label_smoothing'] / C['classes'])
    tensors = {'images': images, 'targets': targets, 'labels': exact(labels)}
    for name, case in CASES.items():
        params = parameters(case, rng)
        if case['routing'] != 'token':  # centred, so that these few images part
            z = forward(case, params, images, 0)[1][0]['z']
            params['router.bias'] = exact(params['router.bias'] - z.mean(0))
        logits, losses, grads, taken = run(case, params, images, targets, labels)
        print(f'{name}: task, guidance, balance, z {losses.tolist()}, taken {taken.int().tolist()}')
        tensors |= {f'{name}.logits': logits, f'{name}.losses': losses, f'{name}.taken': taken}
        tensors |= {f'{name}.init.{n}': v for n, v in params.items()} | {f'{name}.grad.{n}': g for n, g in grads.items()}
    assert all(v.dtype == torch.float64 and v.isfinite().all() for v in tensors.values())
    save_file({n: v.float().contiguous() for n, v in tensors.items()}, OUT, metadata={'config': json.dumps(C | {'cases': CASES})})
    print(f'{len(tensors)} tensors, {OUT.stat().st_size} bytes in {OUT.name}')


if __name__ == '__main__':
    torch.set_num_threads(1)
    main()
