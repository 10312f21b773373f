#!/usr/bin/env bash
# Histogram boosting and exact contributions: perennial beside LightGBM on one table, 1 M rows × 50 columns of float32, 63 leaves,
# learning rate 0.1, 255 bins. The two take turns; medians of RUNS. On a busy machine read the CPU seconds with THREADS = 1: LightGBM's
# threads wait for each other by spinning.
# Usage: bench/boost/run.sh [TREES] [RUNS] [THREADS]; BENCH_PYTHON is a Python that has LightGBM already, else one is set up.
set -euo pipefail
cd "$(dirname "$0")/../.."
trees=${1:-100} runs=${2:-3} threads=${3:-2}
if [ -n "${BENCH_PYTHON:-}" ]; then bench_python=$BENCH_PYTHON; else source bench/venv.sh; fi
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cargo build --quiet --release -p perennial-learn --example boost_bench
binary=${CARGO_TARGET_DIR:-target}/release/examples/boost_bench
"$bench_python" bench/boost/data.py "$folder"
for _ in $(seq "$runs"); do
    "$binary" "$folder" "$trees" "$threads"
    "$bench_python" bench/boost/lightgbm_side.py "$folder" "$trees" "$threads"
done | tee /dev/stderr | "$bench_python" bench/boost/table.py
"$binary" "$folder" 5 1 >"$folder/one.json"
"$binary" "$folder" 5 2 >"$folder/two.json"
"$bench_python" -c 'import json, sys; one, two = (json.load(open(p))["model_fnv"] for p in sys.argv[1:]); print(f"\nSame model bytes with 1 and 2 threads: {one == two}")' \
    "$folder/one.json" "$folder/two.json"
