#!/usr/bin/env bash
# Installs what `npm run test:clients` drives, into one folder: bash test/clients/install.sh [FOLDER]
# Programs that the machine lacks come from apt, if this is root's to do. It can be run again at any time.
set -euo pipefail
cd "$(dirname "$0")"
folder=${1:-../../node_modules/.clients}
mkdir -p "$folder"/{node,python,go,java/lib,java/classes}
folder=$(cd "$folder" && pwd)

packages=()
need() { command -v "$1" >/dev/null || packages+=("$2"); }
need psql postgresql-client
need go golang-go
need javac default-jdk-headless
need mvn maven
need python3 python3-venv
need ssh openssh-client
need rsync rsync
need curl curl
need git git
need xauth xauth
need ssh-agent openssh-client
need /usr/sbin/sshd openssh-server
need /usr/lib/openssh/sftp-server openssh-sftp-server
# Shells that may be a login's, beside those that every machine has.
need zsh zsh
need mksh mksh
need busybox busybox
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
if ((${#packages[@]} > 0)); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi

python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check --requirement python/requirements.txt

cp node/package.json node/package-lock.json "$folder/node/"
npm ci --prefix "$folder/node" --ignore-scripts --no-audit --no-fund --loglevel=error

bash ../../protocols/http/test/clients/install.sh "$folder"

# Compiled once here, so that the tests find the modules and what was compiled of them.
go build -C go -o "$folder/go/" ./...
go build -C ../../protocols/ssh/test/clients/go -o "$folder/go/" ./...
mvn --quiet --batch-mode --file java/pom.xml dependency:copy-dependencies -DoutputDirectory="$folder/java/lib"
javac -d "$folder/java/held" -cp "$folder/java/lib/*" java/{Tap,Pgjdbc,Patient}.java
