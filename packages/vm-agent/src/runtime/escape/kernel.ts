/** What the kernel offers beside files and processes: its settings, keys, logs, namespaces, mounts, devices and shared memory. */
import { type EscapeProbe, getCallNumber, perl } from "./probe.ts";

/** Reads the key with this name from a keyring. */
const readKey = (keyring: number, name: string) =>
  perl(
    `my ($t, $n, $b) = ("user", "${name}-$ENV{ID}", "x" x 64); my $k = syscall(${getCallNumber("keyctl")}, 10, ${keyring}, $t, $n, 0); print "reached\\n" if $k > 0 && syscall(${getCallNumber("keyctl")}, 11, $k, $b, 64) > 0`,
  );

export const KERNEL_PROBES: readonly EscapeProbe[] = [
  {
    what: "opens the kernel's emergency keys",
    line: ": >/proc/sysrq-trigger && echo reached",
    needs: "/proc/sysrq-trigger",
    process: "as root",
  },
  {
    what: "changes which program loads the kernel's modules",
    line: 'f=/proc/sys/kernel/modprobe; v=$(cat $f) && printf %s "$v" >$f && echo reached',
    needs: "/proc/sys/kernel/modprobe",
    process: "as root",
  },
  {
    what: "changes how much memory programs may promise",
    line: "f=/proc/sys/vm/overcommit_memory; v=$(cat $f) && echo $v >$f && echo reached",
    process: "as root",
  },
  {
    what: "reads the machine's devices in /sys",
    line: "test -d /sys/kernel && ls /sys/class/* && echo reached",
    process: "always",
    ownUser: "always",
  },
  {
    what: "may write in /sys",
    line: 'test -n "$(find /sys/kernel -maxdepth 2 -type f -writable | head -n 1)" && echo reached',
    process: "as root",
  },
  {
    what: "may leave its control group",
    line: 'test -n "$(find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs -writable | head -n 1)" && echo reached',
    process: "as root",
  },
  {
    what: "reads the kernel's log",
    line: "dmesg >/dev/null && echo reached",
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "opens the kernel's log device",
    line: ": </dev/kmsg && echo reached",
    needs: "/dev/kmsg",
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "reads the addresses of the kernel",
    line: "grep -qm1 -v ^0000000000000000 /proc/kallsyms && echo reached",
    needs: "/proc/kallsyms",
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "reads a key of the node's user",
    line: readKey(-4, "smv-escape-user"),
    needs: "/proc/keys",
    process: "always",
  },
  {
    what: "reads a key of the session in which the node was started",
    line: readKey(-3, "smv-escape-session"),
    needs: "/proc/keys",
    process: "always",
    ownUser: "always",
  },
  {
    what: "loads a program into the kernel (bpf)",
    // Creates a map of one entry, which ends with the probe.
    line: perl(
      `my $a = pack("L5", 2, 4, 4, 1, 0) . "\\0" x 100; print "reached\\n" if syscall(${getCallNumber("bpf")}, 0, $a, 120) >= 0`,
    ),
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "watches all programs of a CPU (perf_event_open)",
    line: perl(
      `my $a = pack("LLQQQQ", 1, 112, 0, 0, 0, 0) . "\\0" x 72; print "reached\\n" if syscall(${getCallNumber("perfEventOpen")}, $a, -1, 0, -1, 0) >= 0`,
    ),
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "handles the kernel's own page faults (userfaultfd)",
    line: perl(`print "reached\\n" if syscall(${getCallNumber("userfaultfd")}, 0) >= 0`),
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "gives the kernel work in a queue (io_uring)",
    line: perl(`my $p = "\\0" x 120; print "reached\\n" if syscall(${getCallNumber("ioUringSetup")}, 1, $p) >= 0`),
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "may restart the machine",
    // The kernel looks at the right first; without its two magic numbers it then does nothing.
    line: perl(`syscall(${getCallNumber("reboot")}, 0, 0, 0, 0); print "reached\\n" if $! == 22`),
    process: "as root",
  },
  {
    what: "may set the clock",
    // Neither a time nor a zone is given.
    line: perl(`print "reached\\n" if syscall(${getCallNumber("settimeofday")}, 0, 0) == 0`),
    process: "as root",
  },
  {
    what: "makes namespaces of the other kinds",
    line: "for n in mount net ipc pid uts cgroup time; do unshare --fork --$n true && echo reached && break; done",
    process: "as root",
  },
  {
    what: "mounts with the rights of a user namespace",
    line: "unshare --user --map-root-user --mount mount -t tmpfs t /mnt && echo reached",
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "makes a read-only mount writable",
    line: `remount='mount -o remount,rw,bind /usr'; { unshare --mount sh -c "mount --bind /usr /usr && $remount" || $remount; } && echo reached`,
    process: "as root",
  },
  {
    what: "uncovers what a mount hides",
    line: '{ unshare --mount sh -c "mount -t tmpfs t /mnt && umount /mnt" || umount --lazy /proc/sys; } && echo reached',
    process: "as root",
  },
  {
    what: "changes the root of its mounts",
    line: '{ unshare --mount sh -c "mkdir p && mount -t tmpfs t p && mkdir p/old && pivot_root p p/old" || pivot_root . .; } && echo reached',
    process: "as root",
  },
  {
    what: "breaks out of a changed root directory",
    line: perl(
      'mkdir "c"; chroot("c") or exit; chdir("..") for 1 .. 64; chroot(".") or exit; print "reached\\n" if open(my $f, "<", "$ENV{STATE}/identity.json")',
    ),
    process: "as root",
  },
  {
    what: "makes the device of the machine's memory",
    line: "mknod m c 1 1 && rm m && echo reached",
    process: "as root",
  },
  {
    what: "may read a disk",
    line: 'test -n "$(find /dev -type b -readable)" && echo reached',
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "may open a device besides the harmless ones",
    line: `test -n "$(find /dev -type c -readable | grep -vE '^/dev/(null|zero|full|random|urandom|tty|ptmx|pts/(ptmx|[0-9]+))$')" && echo reached`,
    process: "as root",
    ownUser: "by machine",
  },
  {
    what: "reads the System V shared memory of the node",
    line: perl('my $b; print "reached\\n" if shmread($ENV{SHM}, $b, 0, 6) && $b eq "canary"'),
    process: "always",
  },
  {
    what: "takes a message from a System V queue of the node",
    line: perl('print "reached\\n" if msgrcv($ENV{QUEUE}, my $b, 64, 0, 04000)'),
    process: "always",
  },
  {
    what: "opens a POSIX message queue of the node",
    line: perl(
      `my $n = "smv-escape-$ENV{ID}"; print "reached\\n" if syscall(${getCallNumber("mqOpen")}, $n, 0, 0, 0) >= 0`,
    ),
    needs: "/proc/sys/fs/mqueue",
    process: "always",
  },
];
