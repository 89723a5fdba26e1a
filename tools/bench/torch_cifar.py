"""The PyTorch run that mvmoe's CIFAR-100 figures are compared with: a dense ViT, the `light` recipe, fp32, CPU.

    python torch_cifar.py --data cifar-100-binary --out torch_cifar.csv      # 20 epochs of vit-6x64, patch 4

Reads train.bin and test.bin (rows of coarse label, fine label, 3072 pixels). Writes one row per epoch to --out;
lr is that of the epoch's last step, train_loss the mean over its steps (smoothed targets, augmented images),
test_loss plain cross-entropy, images_per_s counts training alone, seconds is all time so far, testing included.
The state goes to FILE.csv.pt after each epoch; the same command run again goes on from there.
"""
import argparse, csv, math, os, time
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F

MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)  # CIFAR-100, on pixels in 0..1
COLUMNS = 'epoch,steps,lr,train_loss,test_top1,test_top5,test_loss,images_per_s,seconds'.split(',')


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--data', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--model', default='vit-6x64', help='vit-DEPTHxWIDTH; heads = width / 64')
    for name, default in dict(patch=4, epochs=20, warmup_epochs=2, batch_size=128, seed=0, threads=2).items():
        p.add_argument('--' + name.replace('_', '-'), type=int, default=default)
    for name, default in dict(lr=1e-3, min_lr=1e-5, warmup_lr=1e-6, weight_decay=0.05, label_smoothing=0.1, clip=1.0,
                              holdout=0.1).items():
        p.add_argument('--' + name.replace('_', '-'), type=float, default=default)
    return p.parse_args()


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim, 1e-6), nn.LayerNorm(dim, 1e-6)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):  # [B, T, D]
        B, T, D = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(B, T, 3, self.heads, D // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [B, heads, T, D / heads]
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, T, D))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, depth, dim, patch, image=32, classes=100):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, patch, patch)  # keeps PyTorch's U(+-1/sqrt(fan_in)), as timm does
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 1e-6)
        self.pos_embed = nn.Parameter(torch.randn(1, (image // patch) ** 2 + 1, dim) * 0.02)
        self.blocks = nn.ModuleList(Block(dim, dim // 64) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, 1e-6)
        self.head = nn.Linear(dim, classes)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)

    def forward(self, images):  # [B, 3, S, S] -> [B, classes]
        x = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


def read(path):
    rows = torch.from_numpy(np.fromfile(path, np.uint8).reshape(-1, 2 + 3072))
    return rows[:, 2:].reshape(-1, 3, 32, 32), rows[:, 1].long()  # pixels and fine labels


def without_holdout(images, labels, share, seed):
    """The training set less `share` of every class."""
    random, keep = torch.Generator().manual_seed(seed), []
    for c in range(100):
        members = (labels == c).nonzero().squeeze(1)
        members = members[torch.randperm(len(members), generator=random)]
        keep.append(members[round(share * len(members)):])
    keep = torch.cat(keep).sort().values
    return images[keep], labels[keep]


def normalise(pixels):
    return (pixels.float() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def augment(pixels, random):
    """Crop of the image padded by 4 raw zeros (so before normalising), then flip; one draw per image."""
    B, padded = len(pixels), F.pad(pixels, (4, 4, 4, 4))
    top, left = torch.randint(0, 9, (2, B), generator=random)
    flip = torch.rand(B, generator=random) < 0.5
    ramp = torch.arange(32)
    columns = torch.where(flip[:, None], ramp.flip(0), ramp)
    return padded[torch.arange(B).view(B, 1, 1, 1), torch.arange(3).view(1, 3, 1, 1),
                  (top[:, None] + ramp).view(B, 1, 32, 1), (left[:, None] + columns).view(B, 1, 1, 32)]


def learning_rate(a, step, warmup, total):
    if step < warmup:
        return a.warmup_lr + (a.lr - a.warmup_lr) * step / warmup
    return a.min_lr + 0.5 * (a.lr - a.min_lr) * (1 + math.cos(math.pi * step / total))


def optimizer(model, a):
    decayed = [p for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d)) for p in [m.weight]]
    ids = {id(p) for p in decayed}
    rest = [p for p in model.parameters() if id(p) not in ids]  # biases, norms, class token, position embedding
    return torch.optim.AdamW([dict(params=decayed, weight_decay=a.weight_decay), dict(params=rest, weight_decay=0.0)],
                             lr=a.lr, betas=(0.9, 0.999), eps=1e-8)


@torch.inference_mode()
def test(model, images, labels):
    model.eval()
    top1 = top5 = loss = 0
    for x, y in zip(images.split(500), labels.split(500)):
        logits = model(normalise(x))
        hits = logits.topk(5).indices == y[:, None]
        top1, top5 = top1 + hits[:, 0].sum().item(), top5 + hits.sum().item()
        loss += F.cross_entropy(logits, y, reduction='sum').item()
    model.train()
    return 100 * top1 / len(labels), 100 * top5 / len(labels), loss / len(labels)


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    images, labels = without_holdout(*read(os.path.join(a.data, 'train.bin')), a.holdout, a.seed)
    test_images, test_labels = read(os.path.join(a.data, 'test.bin'))
    depth, dim = map(int, a.model.removeprefix('vit-').split('x'))
    model = ViT(depth, dim, a.patch)
    adamw = optimizer(model, a)
    steps = len(labels) // a.batch_size  # the last incomplete batch is dropped
    total, warmup = steps * a.epochs, steps * a.warmup_epochs
    print(f'torch {torch.__version__}, {a.model} patch {a.patch}: {sum(p.numel() for p in model.parameters())} parameters, '
          f'{len(labels)} training images, {steps} steps an epoch, {a.threads} threads', flush=True)

    rows, recipe = [], {k: v for k, v in vars(a).items() if k not in ('data', 'out', 'threads')}
    if os.path.exists(a.out + '.pt'):
        state = torch.load(a.out + '.pt')
        if state['recipe'] != recipe:
            raise SystemExit(f'{a.out}.pt belongs to another recipe, {state["recipe"]}: remove it or choose another --out')
        model.load_state_dict(state['model'])
        adamw.load_state_dict(state['adamw'])
        rows = state['rows']
        print(f'resumed after epoch {len(rows)}', flush=True)

    for epoch in range(len(rows), a.epochs):
        # Draws depend on the seed and the epoch alone, so an interrupted run continues as it would have gone.
        random = torch.Generator().manual_seed(a.seed * 1_000_003 + epoch + 1)
        order = torch.randperm(len(labels), generator=random)[:steps * a.batch_size]
        losses, began = 0.0, time.perf_counter()
        for i, batch in enumerate(order.split(a.batch_size)):
            rate = learning_rate(a, epoch * steps + i, warmup, total)
            for group in adamw.param_groups:
                group['lr'] = rate
            x = normalise(augment(images[batch], random))
            loss = F.cross_entropy(model(x), labels[batch], label_smoothing=a.label_smoothing)
            adamw.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), a.clip)
            adamw.step()
            losses += loss.item()
            if i % 50 == 0:
                print(f'epoch {epoch + 1} step {i}/{steps} lr {rate:.3g} loss {loss.item():.4f} '
                      f'{time.perf_counter() - began:.0f} s', flush=True)
        trained = time.perf_counter() - began
        top1, top5, test_loss = test(model, test_images, test_labels)
        seconds = (rows[-1]['seconds'] if rows else 0) + time.perf_counter() - began
        rows.append(dict(zip(COLUMNS, [epoch + 1, (epoch + 1) * steps, float(f'{rate:.6g}'), round(losses / steps, 4),
                                       round(top1, 2), round(top5, 2), round(test_loss, 4),
                                       round(steps * a.batch_size / trained, 1), round(seconds, 1)])))
        torch.save(dict(recipe=recipe, model=model.state_dict(), adamw=adamw.state_dict(), rows=rows), a.out + '.pt.tmp')
        os.replace(a.out + '.pt.tmp', a.out + '.pt')  # never a half-written state
        with open(a.out, 'w', newline='') as f:  # whole, so that it always agrees with the state
            table = csv.DictWriter(f, COLUMNS, lineterminator='\n')
            table.writeheader()
            table.writerows(rows)
        print(rows[-1], flush=True)


if __name__ == '__main__':
    main()
