#!/usr/bin/env python3
"""What a step costs on N nodes, from what it costs on one and what the network is like: a model, to choose a cluster by.

    scaling.py fit LIMITED.txt FREE.txt           alpha, beta and the processor's cost a byte, from what measure.sh printed
                                                  at a rate, and without a limit
    scaling.py steps MEASURED.json RATE..         step times of each measured run on 2 ranks, at these rates in Gbit/s
    scaling.py table MEASURED.json                efficiency of 1 to 1024 nodes at 10, 25 and 100 Gbit/s

MEASURED.json is described in README.md. Python's standard library is enough.
"""
import argparse
import json
import math
from dataclasses import dataclass


@dataclass
class Link:
    """A message of n bytes takes alpha + n * beta seconds, each way at once, and n * cpu of a core that computes meanwhile."""

    alpha: float  # s
    beta: float  # s / byte
    cpu: float = 0  # s / byte


@dataclass
class Work:
    """A training step of one node, and what it sends."""

    fixed: float  # s a step whatever the batch: the optimizer
    image: float  # s an image, trunk and tail together
    shared: float  # bytes of gradients that all nodes have in common
    hidden: float = 0  # part of an image's time during which the gradient can be sent: of the last lane's backward
    expert: float = 0  # bytes of gradients of all experts together
    experts: int = 0
    tail: float = 0  # part of an image's time behind the exchange: the sparse blocks and the head
    tokens: float = 0  # bytes of an image's tokens where it is sent to its expert
    imbalance: float = 1  # images of the fullest expert over the mean


PIECE, AT_ONCE = 61440, 16  # bytes of a sum for each rank, sums at once (engine/mpi/ring.h)


def buckets(ranks, size):
    return max(1, math.ceil(size / (ranks * PIECE)))


def ring(link, ranks, size, packed=1):
    """Each rank's part around a ring and back: each byte passes each link twice at most, whatever the ranks; of many sums
    at once, the first of each AT_ONCE pays for the latency of its rounds."""
    rounds = 2 * (ranks - 1)
    return rounds * (packed * size / ranks * link.beta + link.alpha * math.ceil(buckets(ranks, size) / AT_ONCE)) if ranks > 1 else 0


def beyond(window, link, ranks, size, packed=1):
    """What the sum of `size` bytes, sent as `packed` of them, adds to a step that has `window` seconds left: its buckets are complete one by one until
    then, and the network takes them one by one; what the cores do for it comes on top."""
    busy, whole, n = 2 * (ranks - 1) / ranks * packed * size * link.cpu, ring(link, ranks, size, packed), buckets(ranks, size)
    return max(busy, whole / n, whole - window * (1 - 1 / n))


def exchange(link, ranks, size):
    """Every rank's `size` bytes in equal parts to all ranks, one of them itself."""
    return (ranks - 1) * (link.alpha + size / ranks * (link.beta + link.cpu))


def data_parallel(work, link, ranks, images, packed=1):
    """A step's seconds: all compute `images` each, and sum all gradients, `packed` of their bytes."""
    compute = images * work.image
    return work.fixed + compute + beyond(work.hidden * compute, link, ranks, work.shared + work.expert, packed)


def group_size(experts, ranks):
    """Ranks among which experts are shared out (train/experts/groups.h)."""
    return max(size for size in range(1, min(experts, ranks) + 1) if ranks % size == 0)


def fullest(work, group):
    """Images of the fullest rank of a group over the mean, and experts of the rank that has most, of all: placed as by
    train/experts/placement.h, where one expert has `imbalance` times the mean's images and the others share the rest."""
    ranks = [[0, 0] for _ in range(group)]  # images, experts
    for images in [work.imbalance] + [(work.experts - work.imbalance) / max(1, work.experts - 1)] * (work.experts - 1):
        least = min(ranks)
        least[0] += images
        least[1] += 1
    return max(images for images, _ in ranks) * group / work.experts, max(n for _, n in ranks) / work.experts


def expert_parallel(work, link, ranks, images, packed=1):
    """The same with each expert on one rank of each group: images travel once, before the first sparse block, and gradients
    back; the fullest rank is waited for. Of gradients, the shared ones are summed over all ranks, those of experts over the
    groups, in what the shared ones leave of the time in which they can be hidden."""
    group = group_size(work.experts, ranks)
    load, held = fullest(work, group)
    trunk, tail = images * work.image * (1 - work.tail), images * work.image * work.tail * load
    travel = 2 * exchange(link, group, images * load * work.tokens)  # tokens there, gradients back
    window = work.hidden * trunk
    shared = beyond(window, link, ranks, work.shared, packed)
    left = max(0, window - ring(link, ranks, work.shared, packed))
    experts = beyond(left, link, ranks // group, work.expert * held, packed)
    return work.fixed + trunk + tail + travel + shared + experts


def efficiency(step, work, link, ranks, images, packed):
    """One node's step over that of `ranks`, each with the same number of images."""
    return data_parallel(work, link, 1, images) / step(work, link, ranks, images, packed)


def points(file, kind):
    """Bytes and seconds of a kind of line that network.cpp printed, by size."""
    found = sorted((float(f[2]), float(f[3])) for f in (line.split() for line in file) if f and f[0] == kind)
    if len(found) < 3:
        raise SystemExit(f"scaling.py: fit: fewer than three lines of kind '{kind}'")
    return found


def slope(found):
    """Between the two largest: what lies below fits into buffers and says little."""
    (n0, t0), (n1, t1) = found[-2:]
    return (t1 - t0) / (n1 - n0)


def fit(limited, free):
    """alpha is what the smallest message takes, beta the slope of messages at the limit. Without one, two ranks on two
    cores are never idle: their sum's slope is the processor's cost of a byte, as each sends as many as it sums."""
    sends = points(limited, "send")
    return Link(sends[0][1], slope(sends), slope(points(free, "sum")))


def link_at(network, rate):
    """The measured link at another rate in Gbit/s: the share of the rate that reaches the program stays, and the rest."""
    return Link(network["alpha_us"] * 1e-6, 8e-9 / (rate * network["share_of_rate"]), network["cpu_ns_a_byte"] * 1e-9)


def fit_run(run, link):
    """Of a step on two ranks: what it computes, from the step without a limit, where the network waits for the cores; and
    seconds of the sum that were hidden, from the step at the limit, where it is the other way round."""
    size = 4 * run["parameters"]
    compute = run["free_ms"] / 1e3 - size * link.cpu
    return compute, max(0, compute + ring(link, 2, size) - run["step_ms"] / 1e3)


def step_of(run, compute, hidden, link):
    return compute + beyond(hidden, link, 2, 4 * run["parameters"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fitting = commands.add_parser("fit")
    fitting.add_argument("limited", type=argparse.FileType())
    fitting.add_argument("free", type=argparse.FileType())
    stepping = commands.add_parser("steps")
    stepping.add_argument("file")
    stepping.add_argument("rates", type=float, nargs="+")
    table = commands.add_parser("table")
    table.add_argument("file")
    arguments = parser.parse_args()

    if arguments.command == "fit":
        link = fit(arguments.limited, arguments.free)
        print(f"alpha {link.alpha * 1e6:.1f} us, {8e-9 / link.beta:.4f} Gbit/s, {link.cpu * 1e9:.3f} ns a byte of a core")
        return
    with open(arguments.file) as file:
        measured = json.load(file)

    if arguments.command == "steps":
        for name, run in measured["runs"].items():
            compute, hidden = fit_run(run, link_at(measured["network"], measured["network"]["rate"]))
            print(f"{name}  computes {1e3 * compute:.1f} ms, and hides {1e3 * hidden:.1f} ms of a sum")
            for rate in arguments.rates:
                step = step_of(run, compute, hidden, link_at(measured["network"], rate))
                print(f"{name}  {rate:g} Gbit/s  {1e3 * step:.1f} ms a step")
        return

    nodes = [1, 2, 4, 8, 16, 64, 256, 1024]
    node = measured["node"]
    for rate in (10, 25, 100):
        link = Link(node["alpha_us"] * 1e-6, 8e-9 / rate)
        print(f"\n{rate} Gbit/s, alpha {node['alpha_us']:g} us, {node['images']} images a node\n")
        print("| | " + " | ".join(map(str, nodes)) + " |\n|---|" + "---|" * len(nodes))
        for name, numbers in node["models"].items():
            work = Work(**numbers)
            for kind, step in (("data", data_parallel), ("experts", expert_parallel)):
                if kind == "experts" and not work.experts:
                    continue
                for how, packed in (("", 1), (", bf16", 0.5)):
                    row = (100 * efficiency(step, work, link, n, node["images"], packed) for n in nodes)
                    print(f"| {name}, {kind}{how} | " + " | ".join(f"{x:.0f}" for x in row) + " |")


if __name__ == "__main__":
    main()
