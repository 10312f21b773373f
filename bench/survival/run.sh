#!/usr/bin/env bash
# Kaplan-Meier, Cox and accelerated failure time on simulated lives, standard errors included: perennial beside lifelines 0.30.3. Medians.
# Usage: bench/survival/run.sh [ROWS] [COVARIATES] [RUNS] [PEER_RUNS]; PYTHON is a Python with requirements.txt installed; 0 peer runs leave it out.
set -euo pipefail
cd "$(dirname "$0")/../.."
rows=${1:-100000} covariates=${2:-10} runs=${3:-5} peer_runs=${4:-3} python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cargo build --quiet --release -p perennial-learn --example fit_survival
binary=${CARGO_TARGET_DIR:-target}/release/examples/fit_survival
"$python" bench/survival/simulate.py "$rows" "$covariates" "$folder"
echo "| fit | rows × covariates | perennial, s | result | lifelines, s | CPU s | result | times ours |"
echo "|---|---|---:|---|---:|---:|---|---:|"
for model in kaplan_meier cox aft; do
    "$binary" "$model" "$folder/lives.csv" "$runs" >"$folder/ours.json"
    : >"$folder/peer.json"
    if [ "$peer_runs" -gt 0 ]; then
        "$python" bench/survival/peer.py "$model" "$folder/lives.csv" "$peer_runs" >"$folder/peer.json"
    fi
    "$python" bench/survival/table.py "$model" "$rows" "$covariates" "$folder"
done
