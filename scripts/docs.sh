#!/usr/bin/env bash
# Builds the documentation site into site/: bash scripts/docs.sh [arguments of mkdocs build]
# Open site/index.html. Links are checked; a broken one fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
prepare docs
cd "$root"
exec "$python" -m mkdocs build --clean "$@"
