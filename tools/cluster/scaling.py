#!/usr/bin/env python3
"""What a step costs on N nodes, from what it costs on one and what the network is like: a model, to choose a cluster by.

    scaling.py fit NETWORK.txt                    alpha and beta of a link, from what build/cluster/network printed
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
    """A message of n bytes takes alpha + n * beta seconds, each way at once."""

    alpha: float  # s
    beta: float  # s / byte


@dataclass
class Work:
    """A training step of one node, and what it sends."""

    fixed: float  # s a step whatever the batch: clipping, the optimizer
    image: float  # s an image, trunk and tail together
    shared: float  # bytes of gradients that all nodes have in common
    expert: float = 0  # bytes of gradients of all experts together
    experts: int = 0
    tail: float = 0  # part of an image's time behind the exchange: the sparse blocks and the head
    tokens: float = 0  # bytes of an image's tokens where it is sent to its expert
    imbalance: float = 1  # images of the fullest expert over the mean


def sum_tree(link, ranks, size):
    """A tree to rank 0 and back: Open MPI 4.1's MPI_Iallreduce in place, and below 4 ranks always."""
    return 2 * math.ceil(math.log2(ranks)) * (link.alpha + size * link.beta) if ranks > 1 else 0


def sum_ring(link, ranks, size):
    """Each rank's part around a ring and back: each byte passes each link twice at most, whatever the ranks."""
    return 2 * (ranks - 1) * (link.alpha + size / ranks * link.beta)


def exchange(link, ranks, size):
    """Every rank's `size` bytes in equal parts to all ranks, one of them itself."""
    return (ranks - 1) * (link.alpha + size / ranks * link.beta)


SUMS = {"tree": sum_tree, "ring": sum_ring}


def data_parallel(work, link, ranks, images, total):
    """A step's seconds: all compute `images` each, then sum all gradients; nothing is hidden behind the backward."""
    return work.fixed + images * work.image + total(link, ranks, work.shared + work.expert)


def expert_parallel(work, link, ranks, images, total):
    """The same with an expert on one rank of each group of as many ranks as there are experts: images travel once, before
    the first sparse block, and gradients back; the fullest rank is waited for. Beyond one group, experts of the same
    index sum their gradients over the groups."""
    group = min(ranks, work.experts)
    held = math.ceil(work.experts / group) / work.experts  # of all experts, on the fullest rank
    # With several experts a rank, loads even out as the average of so many does.
    load = 1 + (work.imbalance - 1) / math.ceil(work.experts / group) if group > 1 else 1
    compute = work.fixed + images * work.image * (1 - work.tail + work.tail * load)
    travel = 2 * exchange(link, group, images * load * work.tokens)  # tokens there, gradients back
    return compute + travel + total(link, ranks, work.shared) + total(link, math.ceil(ranks / group), work.expert * held)


def efficiency(step, work, link, ranks, images, total):
    """One node's step over that of `ranks`, each with the same number of images."""
    return data_parallel(work, link, 1, images, total) / step(work, link, ranks, images, total)


def fit(lines):
    """alpha is what the smallest message takes, beta the slope between the two largest: what lies between fits into
    buffers and says little about either."""
    points = sorted((float(f[2]), float(f[3])) for f in (line.split() for line in lines) if f and f[0] == "send")
    if len(points) < 3:
        raise SystemExit("scaling.py: fit: fewer than three lines of kind 'send'")
    (n0, t0), (n1, t1) = points[-2:]
    return Link(points[0][1], (t1 - t0) / (n1 - n0))


def link_at(network, rate):
    """The measured link at another rate in Gbit/s: the share of the rate that reaches the program stays, and alpha."""
    return Link(network["alpha_us"] * 1e-6, 8e-9 / (rate * network["share_of_rate"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fitting = commands.add_parser("fit")
    fitting.add_argument("file")
    stepping = commands.add_parser("steps")
    stepping.add_argument("file")
    stepping.add_argument("rates", type=float, nargs="+")
    table = commands.add_parser("table")
    table.add_argument("file")
    arguments = parser.parse_args()

    with open(arguments.file) as file:
        if arguments.command == "fit":
            link = fit(file)
            print(f"alpha {link.alpha * 1e6:.1f} us, {8e-9 / link.beta:.4f} Gbit/s")
            return
        measured = json.load(file)

    if arguments.command == "steps":
        for name, run in measured["runs"].items():
            at = link_at(measured["network"], measured["network"]["rate"])
            compute_s = run["step_ms"] / 1e3 - SUMS[measured["sum"]](at, 2, 4 * run["parameters"])
            for rate in arguments.rates:
                link = link_at(measured["network"], rate)
                sum_s = SUMS[measured["sum"]](link, 2, 4 * run["parameters"])
                print(f"{name}  {rate:g} Gbit/s  {1e3 * (compute_s + sum_s):.1f} ms a step, {1e3 * sum_s:.1f} of them the sum")
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
                for total in SUMS:
                    row = (100 * efficiency(step, work, link, n, node["images"], SUMS[total]) for n in nodes)
                    print(f"| {name}, {kind}, {total} | " + " | ".join(f"{x:.0f}" for x in row) + " |")


if __name__ == "__main__":
    main()
