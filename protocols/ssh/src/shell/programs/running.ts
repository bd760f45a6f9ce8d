import { type Call, type Program, runsAnything, wraps } from "../program.ts";
import { named, type Table } from "./table.ts";

/** Programs that run what their arguments name, and those of which that can't be followed. */
export const running: Table = {
  nohup: wraps({ options: "", needs: true }),
  nice: wraps({ options: "-n: -# --adjustment:" }),
  ionice: wraps({ options: "-c: -n: -t --class: --classdata: --ignore", needs: true }),
  setsid: wraps({ options: "-c -f -w --ctty --fork --wait", needs: true }),
  stdbuf: wraps({ options: "-i: -o: -e: --input: --output: --error:", needs: true }),
  timeout: wraps({
    options: "-k: -s: -v --kill-after: --signal: --preserve-status --foreground --verbose",
    skip: { count: 1, like: /^[0-9.]+[smhd]?$/ },
    needs: true,
  }),
  flock: wraps({
    options: "-n -x -e -s -w: -E: --nonblock --exclusive --shared --wait: --timeout: --conflict-exit-code:",
    skip: { count: 1, like: /^[^-]/ },
    access: "write",
    needs: true,
  }),
  sudo: wraps({
    options: "-n -H -S -E -u: -g: --non-interactive --set-home --stdin --user: --group:",
    assignments: true,
    access: "admin",
    needs: true,
  }),
  doas: wraps({ options: "-n -u:", access: "admin", needs: true }),
  env: (call) => {
    // A lone - is -i in its oldest form.
    const words = call.words[0]?.literal === "-" ? call.words.slice(1) : call.words;
    environment({ ...call, words });
  },
  time: wraps({ options: "-p", needs: true }),
  ...named("busybox toybox", wraps({ options: "", needs: true })),
  crontab: (call) => {
    if (call.words.length !== 1 || call.words[0]?.literal !== "-l") later(call);
  },
  service,
  ...named(
    "python perl ruby php lua node nodejs deno bun tclsh wish expect guile racket Rscript R julia ghci runghc groovy scala " +
      "java jshell kotlin swift osascript pwsh powershell ocaml erl elixir iex irb pry ipython jupyter sbcl clisp qjs " +
      "gawk mawk nawk original-awk m4 bc dc ed ex red gdb lldb strace ltrace perf valgrind bpftrace rlwrap tcc gcc g++ cc clang ld",
    runsAnything("runs what it is given as a program."),
  ),
  ...named(
    "apt apt-get apt-cache aptitude yum dnf rpm snap flatpak pacman apk zypper brew pip pip3 pipx npm npx yarn pnpm bun " +
      "gem bundle cargo go composer mvn gradle ant make gmake cmake ninja rake just",
    runsAnything("runs what its files and options name."),
  ),
  ...named(
    "vi vim view nvim vimdiff rvim nano pico emacs emacsclient joe mcedit mc less more most man info pg visudo vipw vigr " +
      "sudoedit sensible-editor sensible-pager editor pager select-editor mutt mail mailx sendmail",
    runsAnything("can run anything by its own commands."),
  ),
  ...named(
    "arch su runuser pkexec su-exec gosu setpriv capsh chroot unshare nsenter systemd-run machinectl chrt taskset numactl " +
      "prlimit cpulimit unbuffer script scriptreplay screen tmux byobu dtach at batch anacron run-parts start-stop-daemon " +
      "parallel entr inotifywait logrotate debootstrap dpkg-reconfigure update-alternatives dbus-send gdbus busctl lxc " +
      "lxc-attach virsh vagrant ansible ansible-playbook terraform salt puppet chef helm kubeadm crictl ctr nerdctl runc " +
      "setarch linux32 linux64 i386 x86_64 faketime fakeroot proot ld.so ld-linux.so xterm openvt agetty getty login " +
      "sg newgrp ssh-agent ssh-add dbus-launch xvfb-run catchsegv socat cpio rpm2cpio 7z rdiff-backup find2perl " +
      "git-shell rsh rexec sshpass autossh mosh mosh-server svn svnserve hg bzr cvs darcs fossil " +
      "watch mount modprobe iptables ip6tables iptables-restore dhclient initctl telinit hostnamectl timedatectl loginctl " +
      "systemd-resolve fd fdfind aws gcloud az cowsay cowthink cpan crash csvtool distcc dmsetup dotnet dvips " +
      "easy_install exiftool facter genie genisoimage ginsh grc gtester iftop jjs jrunscript knife latex logsave " +
      "lualatex luatex minicom msfconsole msgfilter multitime ncdu nroff groff octave openssl openvpn opkg pandoc pax " +
      "pdb pdflatex pdftex perlbug pexec pic posh rpmdb rpmquery rpmverify run-mailcap runscript scanmem scrot setlock " +
      "slsh softlimit sqlmap ssh-keygen task tasksh tdbtool tex tmate torify torsocks troff tshark unsquashfs w3m wall " +
      "wireshark xdotool xelatex xetex zathura enscript envdir envuidgid chpst runsv s6-envdir tini dumb-init",
    runsAnything("runs other programs."),
  ),
  ...named(
    "ssh slogin sftp ftp lftp tftp telnet rlogin rcp mysql mariadb psql sqlite3 mongo mongosh redis-cli sqlplus tcpdump nmap " +
      "ssh-copy-id ssh-keyscan psftp plink ncftp check_by_ssh hping3",
    runsAnything("can run programs, here or on another host.", { network: true }),
  ),
};

const environment: Program = wraps({
  options: "-i -0 -u: --ignore-environment --null --unset:",
  assignments: true,
});

const later = runsAnything("takes what is run later.");
const byPath = runsAnything("runs a script that is not named plainly.");

/** service NAME ACTION runs /etc/init.d/NAME, also where the name has slashes. */
function service(call: Call): void {
  call.facts.atLeast("admin");
  if (!call.words.every(({ literal }) => /^[A-Za-z0-9@_][A-Za-z0-9@_.-]*$/.test(literal ?? ""))) byPath(call);
}
