import { always, only } from "../program.ts";
import { named, type Table } from "./table.ts";

/*
 * Programs that only read, of GNU, busybox and BSD alike. A name stands in the first list only if no option of any of
 * them writes a file, runs a program or changes a setting.
 */
export const reading: Table = {
  ...named(
    "ls cat tac head tail wc cut tr nl od fold fmt expand unexpand rev paste join comm cmp cksum sum md5sum sha1sum " +
      "sha224sum sha256sum sha384sum sha512sum b2sum basename dirname realpath readlink stat du df seq nproc " +
      "uname id whoami groups users who w last logname tty pathchk printenv expr numfmt tsort " +
      "grep egrep fgrep ps pgrep pstree free uptime vmstat lscpu lsblk lsmod lsusb getent locale zcat jq " +
      "true false yes hexdump mountpoint findmnt column",
    always("read"),
  ),
  ...named("ping ping6 host whois nslookup tracepath", always("read", { network: true })),
  // -o of BSD's base64 writes a file.
  ...named("base64 base32", only({ options: "-d -D -i -w: -b: --decode --ignore-garbage --wrap:" })),
  sleep: only({ options: "", operands: { like: /^[0-9.]+[smhd]?$/ } }),
  sort: only({
    options:
      "-b -d -f -g -h -i -M -n -r -R -s -u -V -z -c -C -m -k: -t: -S: -T: --key: --field-separator: " +
      "--numeric-sort --reverse --unique --human-numeric-sort --version-sort --ignore-case --stable --check?",
    writes: "-o: --output:",
    runs: true,
  }),
  uniq: only({
    options: "-c -d -D -u -i -z -f: -s: -w: --count --repeated --unique --ignore-case",
    operands: { most: 1 },
  }),
  xxd: only({ options: "-b -g: -l: -s: -c: -p -u -i -e -a", operands: { most: 1 } }),
  file: only({ options: "-b -i -L -h -k -0 --brief --mime --mime-type --mime-encoding" }),
  diff: only({
    options:
      "-u -U: -c -C: -r -N -q -s -y -w -b -B -i -a -E -Z -t -W: --brief --unified? --recursive --new-file " +
      "--side-by-side --ignore-all-space --ignore-case --ignore-blank-lines --exclude: -x: --color? --suppress-common-lines",
    runs: true,
  }),
  date: only({
    options: "-u -R -d: -r: -I? --utc --universal --date: --reference: --iso-8601? --rfc-3339: --rfc-email",
    operands: { like: /^\+/ },
  }),
  hostname: only({ options: "-f -s -i -I -d -A --fqdn --short --domain", operands: { most: 0 } }),
  dmesg: only({
    options: "-T -H -x -k -u -l: -f: --ctime --human --decode --level: --facility: -w --follow --color?",
    terminal: true,
  }),
  lspci: only({ options: "-v -n -k -t -m -s: -d: -D -b" }),
  lsof: only({ options: "-n -P -t -l -R -i? -p: -u: -c: -a" }),
  ss: only({ options: "-t -u -l -n -p -a -x -w -s -4 -6 -e -i -m -o -r -H -O -h" }),
  netstat: only({ options: "-t -u -l -n -p -a -x -w -s -4 -6 -e -i -r -o -c -v -W" }),
  dig: only({
    options: "-4 -6 -x: -t: -p: -q: -c: -b:",
    operands: { like: /^[^-]/ },
    network: true,
  }),
  top: only({ options: "-b -n: -o: -p: -u: -c -w? -d: -H -i", operands: { most: 0 }, terminal: true }),
  iostat: only({ options: "-c -d -h -k -m -x -y -z -t -N -p?", operands: { like: /^[A-Za-z0-9]+$/ } }),
  rg: only({
    options:
      "-i -n -l -c -v -w -x -e: -g: -t: -T: -A: -B: -C: -m: -o -F -S -s -U -H -h -N -u -. -P -j: --files " +
      "--hidden --no-ignore --json --glob: --type: --color: --heading --no-heading --line-number --fixed-strings " +
      "--files-with-matches --ignore-case --max-count: --max-depth: --no-config --stats",
    runs: true,
  }),
};
