#!/usr/bin/env bash
# Sets up and runs: bash scripts/run.sh [the arguments of vaerun]
# Without arguments: the main job, vaerun model=rvae data=cards_iv.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
prepare run
exec "$root/.venv/bin/vaerun" "$@"
