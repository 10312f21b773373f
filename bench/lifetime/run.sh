#!/usr/bin/env bash
# Lifetime models, standard errors included, on simulated customers: perennial beside lifetimes 0.11.3. Medians of RUNS.
# Usage: [MODELS="bgnbd pareto_nbd"] bench/lifetime/run.sh [ROWS] [RUNS]; PYTHON is a Python 3.11 or older with requirements.txt installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
rows=${1:-1000000} runs=${2:-5} python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cargo build --quiet --release -p perennial-learn --example fit_lifetime
binary=${CARGO_TARGET_DIR:-target}/release/examples/fit_lifetime
"$python" bench/lifetime/simulate.py "$rows" "$folder"
for model in ${MODELS:-bgnbd mbgnbd gamma_gamma}; do
    # The histories serve every model of buying and leaving; lifetimes needs minutes for a million of them with pareto_nbd.
    [ -f "$folder/$model.csv" ] || cp "$folder/bgnbd.csv" "$folder/$model.csv"
    "$binary" "$model" "$folder/$model.csv" "$runs" >"$folder/ours.json"
    "$python" bench/lifetime/peer.py "$model" "$folder/$model.csv" "$((runs > 3 ? 3 : runs))" >"$folder/peer.json"
    "$python" bench/lifetime/table.py "$model" "$rows" "$folder"
done
