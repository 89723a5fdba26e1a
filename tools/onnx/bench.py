"""How long exported networks take, in ONNX Runtime and OpenVINO, side by side: the median of many runs, each network in turn.

    python tools/onnx/bench.py dense.onnx moe.onnx [--batch 1 8] [--threads 1] [--rounds 200]

A round runs every network once, in every runtime, so that what disturbs the machine disturbs all of them. The last column is
the time as a share of the first network's in the same runtime. Random images; OpenVINO computes in fp32, so that both do.
"""
import argparse, statistics, time
import numpy as np
import onnx, onnxruntime, openvino


def in_onnxruntime(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return lambda images: session.run(None, {'images': images})


def in_openvino(path, threads):
    compiled = openvino.Core().compile_model(path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': threads, 'NUM_STREAMS': 1, 'PERFORMANCE_HINT': 'LATENCY'})
    return lambda images: compiled(images)


RUNTIMES = {'ONNX Runtime ' + onnxruntime.__version__: in_onnxruntime, 'OpenVINO ' + openvino.__version__.split('-')[0]: in_openvino}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('networks', nargs='+')
    p.add_argument('--batch', type=int, nargs='+', default=[1, 8])
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--rounds', type=int, default=200)
    a = p.parse_args()
    side = onnx.load(a.networks[0]).graph.input[0].type.tensor_type.shape.dim[2].dim_value
    runs = {(runtime, network): load(network, a.threads) for runtime, load in RUNTIMES.items() for network in a.networks}
    rng = np.random.default_rng(0)
    for batch in a.batch:
        took = {key: [] for key in runs}
        for turn in range(a.rounds + 5):  # the first five warm up
            images = rng.standard_normal((batch, 3, side, side), dtype=np.float32)  # others each time: images choose their experts
            for key, run in runs.items():
                begin = time.perf_counter()
                run(images)
                if turn >= 5:
                    took[key].append(1e3 * (time.perf_counter() - begin))
        for (runtime, network), times in took.items():
            first = statistics.median(took[runtime, a.networks[0]])
            quarter = statistics.quantiles(times, n=4)
            print(f'{runtime}, batch {batch}, {a.threads} threads, {network}: median {quarter[1]:.3f} ms (quartiles {quarter[0]:.3f} to {quarter[2]:.3f}), {quarter[1] / first:.2f} of the first', flush=True)


if __name__ == '__main__':
    main()
