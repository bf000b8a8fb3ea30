"""The benchmark against pyroVED and AtomAI: `bash scripts/bench/run.sh` writes BENCHMARKS.md."""
