import { always, only } from "../program.ts";
import { named, type Table } from "./table.ts";

/** Programs that change files, or the network's or a service's state, and run nothing that their arguments name. */
export const changing: Table = {
  ...named(
    "rm rmdir mv cp mkdir mkfifo touch ln link unlink chmod chown chgrp chattr setfacl truncate shred tee mktemp sync dd " +
      "gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd csplit unzip",
    always("write"),
  ),
  install: only({
    options: "-d -D -m: -o: -g: -t: -T -v -p -c -C --mode: --owner: --group: --directory --target-directory:",
    access: "write",
    runs: true,
  }),
  split: only({ options: "-a: -b: -C: -l: -n: -d -x -e --verbose", access: "write", runs: true }),
  zip: only({
    options:
      "-r -q -9 -8 -7 -6 -5 -4 -3 -2 -1 -0 -j -y -u -f -m -D -X -v --recurse-paths --quiet --junk-paths",
    access: "write",
    runs: true,
  }),
  ...named("kill pkill killall renice", always("admin")),
  ...named(
    "reboot shutdown halt poweroff useradd userdel usermod groupadd groupdel groupmod passwd chpasswd umount swapon " +
      "swapoff mkfs fdisk parted sysctl insmod rmmod setenforce",
    always("admin"),
  ),
  ...named("curl", always("admin", { network: true })),
  wget: only({
    options:
      "-q -v -c -N -S -O: -P: -T: -t: --quiet --continue --timestamping --spider --no-check-certificate " +
      "--timeout: --tries: --header: --output-document: --no-verbose --server-response",
    access: "admin",
    runs: true,
    network: true,
  }),
  ...named(
    "nc ncat netcat",
    only({
      options: "-z -v -n -l -u -k -4 -6 -w: -p: -i: -q: -s:",
      access: "admin",
      runs: true,
      network: true,
    }),
  ),
  ...named("traceroute mtr nft ufw arp route ifconfig ethtool", always("admin", { network: true })),
  dpkg: only({ options: "-l -L -s -S -p --list --listfiles --status --search", runs: true, terminal: true }),
};
