#!/usr/bin/env bash
# Installs the HTTP clients that the tests beside this drive, into one folder: bash protocols/http/test/clients/install.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")"
folder=${1:-../../../../node_modules/.clients}
mkdir -p "$folder/http/node"
folder=$(cd "$folder" && pwd)
python3 -m venv "$folder/http/python"
"$folder/http/python/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
cp node/package.json node/package-lock.json "$folder/http/node/"
npm ci --prefix "$folder/http/node" --ignore-scripts --no-audit --no-fund --loglevel=error
