"""A network that mvmoe trained, in PyTorch: dense or sparse, from its safetensors file alone, in sixty lines.

    logits = Network('runs/moe/best.safetensors')(images)     # [B, 3, S, S] to [B, classes]

Names and shapes are timm's; beside them stand router.*, mlp.experts.* and mlp.shared.*. Images are of the network's size and
normalised: mean, std, crop_pct and interpolation stand in `about`, and so do the classes' names.
"""
import json
import torch, torch.nn.functional as F
from safetensors import safe_open


def load(path):  # (tensors by name, what the file says of itself)
    with safe_open(path, 'pt') as f:
        return {name: f.get_tensor(name) for name in f.keys()}, json.loads(f.metadata()['mvmoe'])


class Network(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        self.t, self.about = load(path)
        self.c, self.moe = self.about['model'], self.about['model'].get('moe')
        assert not self.moe or (self.moe['eval_capacity'] == 0 and self.moe['balance'] != 'expert-choice'), 'tokens that compete are not read here'

    def linear(self, x, name):
        return F.linear(x, self.t[name + '.weight'], self.t.get(name + '.bias'))

    def norm(self, x, name):
        return F.layer_norm(x, (self.c['width'],), self.t[name + '.weight'], self.t[name + '.bias'], 1e-6)

    def attention(self, x, name):  # [B, T, D]
        B, T, D = x.shape
        q, k, v = self.linear(x, name + '.qkv').reshape(B, T, 3, self.c['heads'], -1).permute(2, 0, 3, 1, 4)
        return self.linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, T, D), name + '.proj')

    def mlp(self, x, name):
        return self.linear(F.gelu(self.linear(x, name + '.fc1')), name + '.fc2')

    def route(self, x, name):  # items [n, D] to each item's experts and gates [n, k]
        p = self.linear(x, name).softmax(-1)
        chosen = (p + self.t.get(name + '.balance_bias', 0)).topk(self.moe['top_k'], -1).indices
        gates = p.gather(-1, chosen)
        return chosen, gates / gates.sum(-1, keepdim=True) if self.moe['renormalise_gates'] else gates

    def experts(self, x, name, chosen, gates):  # items [n, R, D], of which expert e takes those that chose it
        y = self.mlp(x, name + '.shared') if self.moe['shared_experts'] else torch.zeros_like(x)
        w = lambda layer, e: (self.t[f'{name}.experts.{layer}.weight'][e], self.t[f'{name}.experts.{layer}.bias'][e])
        for e in chosen.unique().tolist():
            item, place = (chosen == e).nonzero(as_tuple=True)
            y = y.index_add(0, item, F.linear(F.gelu(F.linear(x[item], *w('fc1', e))), *w('fc2', e)) * gates[item, place][:, None, None])
        return y

    def forward(self, images):  # [B, 3, S, S], normalised, to logits [B, classes]
        x = F.conv2d(images, self.t['patch_embed.proj.weight'], self.t['patch_embed.proj.bias'], stride=self.c['patch']).flatten(2).transpose(1, 2)
        x = torch.cat([self.t['cls_token'].expand(x.shape[0], 1, -1), x], 1) + self.t['pos_embed']
        for i in range(self.c['depth']):
            block, sparse = f'blocks.{i}', self.moe and i >= self.c['depth'] - self.moe['layers']
            if sparse and i == self.c['depth'] - self.moe['layers'] and self.moe['routing'] != 'token':  # one decision an image
                decided = self.route(x[:, 1:].mean(1) if self.moe['router_input'] == 'mean' else x[:, 0], 'router')
            x = x + self.attention(self.norm(x, block + '.norm1'), block + '.attn')
            seen, mlp = self.norm(x, block + '.norm2'), block + '.mlp'
            if sparse and self.moe['routing'] == 'token':  # items are tokens, one row each
                rows = seen.flatten(0, 1)
                x = x + self.experts(rows[:, None], mlp, *self.route(rows, mlp + '.router')).reshape(x.shape)
            else:
                x = x + (self.experts(seen, mlp, *decided) if sparse else self.mlp(seen, mlp))
        x = self.norm(x, 'norm')
        return self.linear(x[:, 0] if self.c['pool'] == 'cls' else x[:, 1:].mean(1), 'head')
