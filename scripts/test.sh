#!/usr/bin/env bash
# Sets up and tests: bash scripts/test.sh [arguments of pytest]
# Lint, format, types and layers of imports are checked first; all are run even if one fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
prepare dev
cd "$root"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # one process a core, see -n below
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}" # idle threads sleep, as in `vaerun`
failed=0
"$python" -m ruff check . || failed=1
"$python" -m ruff format --check . || failed=1
"$python" -m mypy || failed=1
"$root/.venv/bin/lint-imports" --no-logo || failed=1
"$python" -m pytest -n auto --dist worksteal "$@" || failed=1
exit "$failed"
