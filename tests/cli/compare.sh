#!/usr/bin/env bash
# tools/bench/compare.sh with an engine and peers whose times are known: ratios, the best peer, goals reached and missed.
. tests/cli/lib/checks.sh
compare=$repository/tools/bench/compare.sh

# The engine: 10 ms a training step, 12 with experts, 20 with one thread; 50 ms an inference. It writes down who ran.
cat >engine <<'END'
#!/usr/bin/env bash
echo engine >>"${0%/*}/ran"
[ "$1" = info ] && { echo "processor         Abacus"; exit; }
ms=10
[[ $* == *--experts* ]] && ms=12
[[ $* == *"--threads 1 "* ]] && ms=18
[[ $2 == infer ]] && ms=50
echo "{\"step_ms\":$ms,\"step_ms_min\":1,\"peak_rss_mb\":100,\"ops\":[]}"
END
# Python: eager 25 ms, DDP 20 (the better one); ONNX Runtime is missing.
cat >python <<'END'
#!/usr/bin/env bash
echo peer >>"${0%/*}/ran"
case $* in
  *torch_ddp.py*) echo '{"ranks": 2, "step_ms": 20.0}' ;;
  *torch_infer.py*) echo "ModuleNotFoundError: No module named 'onnxruntime'" >&2; exit 1 ;;
  *"--mode infer"*) echo '{"step_ms": 55, "peak_rss_mb": 1000}' ;;
  *) echo '{"torch": "2", "step_ms": 25, "peak_rss_mb": 1000}' ;;
esac
END
chmod +x engine python

compared() {  # ROWS [NAME=VALUE]...
  out=$(env ROWS="$1" PAIRS=2 "${@:2}" bash "$compare" "$work/engine" 2>&1) && code=0 || code=$?
}
line_of() { grep -F "| $1" <<<"$out"; }

compared . PEERS="$work" PYTHON="$work/python"
check "compare: exits with 0" equal "$code" 0
check "compare: names the processor" has "$out" Abacus
check "compare: the best peer and the ratio to it, then the others" equal "$(line_of "train 12x192, 32")" \
  "| train 12x192, 32 px / patch 4, batch 128 | PyTorch DDP 20 ms; PyTorch 25: 2.5 | 10 ms | 2 (2 to 2) | 1.3 | 1.4 | stretch |"
check "compare: between goal and stretch" has "$(line_of "train 9x64, 32 px / patch 4")" "| 2 (2 to 2) | 1.9 | 2.2 | reached |"
check "compare: below the goal" has "$(line_of "train 9x64, 32 px / patch 8")" "| 2 (2 to 2) | 2.2 | 2.5 | MISSED |"
check "compare: at most" has "$(line_of "MoE over dense, per token, 9x64")" "| 1.2 (1.2 to 1.2) | 1.10 | 1.05 | MISSED |"
check "compare: memory" has "$(line_of "peak memory")" "| 0.1 (0.1 to 0.1) | 0.25 | 0.125 | stretch |"
check "compare: a number without a peer" has "$(line_of "cold start")" " | 100 | 30 | stretch |"
check "compare: threads" has "$(line_of "training 12x192, 2 threads over 1")" "| 1.8 (1.8 to 1.8) | 1.9 | 1.97 | MISSED |"
check "compare: missed goals once more below" has "$out" "missed: train 9x64, 32 px / patch 8, batch 128: 2, goal 2.2"
check "compare: a peer that does not run is named" has "$out" "note: infer ViT-Tiny/16 at 224, batch 1: no figure of ONNX Runtime: ModuleNotFoundError"
check "compare: and the others are compared with" has "$(line_of "infer ViT-Tiny/16 at 224, batch 1 ")" "| PyTorch 55 ms | 50 ms | 1.1 (1.1 to 1.1) | 1.2 | 1.3 | MISSED |"
check "compare: every row is counted" equal "$(grep 'goals reached' <<<"$out")" "7 goals reached, 8 missed, 0 not measured"

rm ran
compared 'patch 8' PEERS="$work" PYTHON="$work/python"
check "compare: in turn, pair by pair" equal "$(tr '\n' ' ' <ran)" "engine engine peer peer engine peer peer "
check "compare: only the rows that were asked for" equal "$(grep -c '^| [a-z]* [0-9]' <<<"$out")" 1

compared 'patch 8|memory|per token, 12'
check "compare without peers: says so" has "$out" "no figure of PyTorch: PEERS=FOLDER is not given"
check "compare without peers: what needs none is measured" equal "$(grep 'goals reached' <<<"$out")" "0 goals reached, 1 missed, 3 not measured"
finish
