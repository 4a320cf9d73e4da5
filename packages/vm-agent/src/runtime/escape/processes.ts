/** Other processes of the node. `$VICTIM` holds canaries; `$PREY` may be changed. `$OUTSIDE` is the test itself. */
import { type EscapeProbe, getCallNumber, perl } from "./probe.ts";

const STACK =
  'my $v = $ENV{VICTIM}; open(my $m, "<", "/proc/$v/maps") or exit; my ($a) = map { /^(\\w+)-\\w+ .*\\[stack\\]/ ? hex($1) : () } <$m>;';

export const PROCESS_PROBES: readonly EscapeProbe[] = [
  {
    what: "reads another process's arguments",
    line: "grep -aq word-for-the-escape-suite /proc/$VICTIM/cmdline && echo reached",
    process: "always",
    ownUser: "always",
  },
  {
    what: "finds the node's processes in a list",
    line: "ls /proc | grep -qx $OUTSIDE && grep -aq vitest /proc/$OUTSIDE/cmdline && echo reached",
    process: "always",
    ownUser: "always",
  },
  {
    what: "reads through another process's working directory",
    line: "cat /proc/$VICTIM/cwd/canary && echo reached",
    process: "always",
  },
  {
    what: "reads through the root of any process",
    line: 'for p in /proc/[0-9]*; do cat "$p/root$STATE/identity.json" 2>/dev/null && echo reached && break; done',
    process: "always",
  },
  {
    what: "reads a deleted file through another process's descriptor",
    line: "cat /proc/$VICTIM/fd/3 && echo reached",
    process: "always",
  },
  {
    what: "reads another process's memory from its file",
    line: perl(
      `${STACK} open(my $f, "<", "/proc/$v/mem") or exit; sysseek($f, $a, 0); print "reached\\n" if sysread($f, my $b, 8)`,
    ),
    process: "as root",
  },
  {
    what: "opens another process's memory for writing",
    line: perl(`print "reached\\n" if open(my $f, "+<", "/proc/$ENV{PREY}/mem")`),
    process: "as root",
  },
  {
    what: "reads another process's memory by process_vm_readv",
    line: perl(
      `${STACK} my $b = "x" x 8; my $l = pack("pQ", $b, 8); my $r = pack("QQ", $a, 8); $v += 0; print "reached\\n" if syscall(${getCallNumber("processVmReadv")}, $v, $l, 1, $r, 1, 0) == 8`,
    ),
    process: "as root",
  },
  {
    what: "traces another process",
    // PTRACE_SEIZE, which does not stop it; the trace ends with the probe.
    line: perl(`print "reached\\n" if syscall(${getCallNumber("ptrace")}, 0x4206, $ENV{PREY} + 0, 0, 0) == 0`),
    process: "as root",
  },
  {
    what: "takes a descriptor from another process",
    line: perl(
      `my $p = syscall(${getCallNumber("pidfdOpen")}, $ENV{VICTIM} + 0, 0); print "reached\\n" if $p >= 0 && syscall(${getCallNumber("pidfdGetfd")}, $p, 3, 0) >= 0`,
    ),
    process: "as root",
  },
  { what: "stops another process", line: "kill -STOP $PREY && kill -CONT $PREY && echo reached", process: "always" },
  {
    what: "stops another workspace's program",
    line: "kill -STOP $NEIGHBOUR && kill -CONT $NEIGHBOUR && echo reached",
    process: "always",
  },
  {
    what: "reads the environment of another workspace's program",
    line: "grep -aq canary-of-the-escape-suite /proc/$NEIGHBOUR/environ && echo reached",
    process: "always",
  },
  {
    what: "changes another process's limits",
    line: "prlimit --pid $PREY --core=0:0 && echo reached",
    process: "always",
  },
  { what: "lowers another process's priority", line: "renice -n 19 -p $PREY && echo reached", process: "always" },
  {
    what: "offers another process to the kernel's out-of-memory killer",
    line: "echo 900 >/proc/$PREY/oom_score_adj && echo reached",
    process: "always",
  },
  {
    what: "enters another process's mount namespace",
    line: 'for p in 1 $OUTSIDE; do nsenter --target $p --mount cat "$STATE/identity.json" 2>/dev/null && echo reached && break; done',
    process: "as root",
  },
  {
    what: "becomes another user",
    line: "setpriv --reuid 12345 --clear-groups true && echo reached",
    process: "as root",
  },
  { what: "raises its own priority", line: "renice -n -5 -p $$ && echo reached", process: "as root" },
  {
    what: "inherits an open file of the node",
    // Pipes, sockets and devices are its input and output.
    line: 'for f in /proc/self/fd/[0-9]*; do t=$(readlink "$f"); case "$t" in /dev/null|/proc/*) ;; /*) echo "$t"; echo reached ;; esac; done',
    process: "never",
    control: 'exec 9<"$STATE/identity.json"; sh -c "$LINE"',
  },
  {
    what: "types into the node's terminal (TIOCSTI)",
    line: perl(`my $c = "\\n"; open(my $t, "+<", "/dev/tty") or exit; print "reached\\n" if ioctl($t, 0x5412, $c)`),
    process: "never",
    control: 'script --quiet --command "$LINE" /dev/null </dev/null | tr -d "\\r"',
    needs: "/proc/sys/dev/tty/legacy_tiocsti",
  },
];

/** Daemons that try to outlive their session. `$SLEEP` is the command that stays. */
export const SURVIVORS: readonly EscapeProbe[] = [
  { what: "outlives its session in a session of the kernel", line: "setsid $SLEEP &", process: "never" },
  {
    what: "outlives its session under another session's mark",
    line: "SAMOVAR_SESSION=other setsid $SLEEP &",
    process: "always",
  },
  {
    what: "outlives its session by nohup without an environment",
    line: "env -i nohup setsid $SLEEP &",
    process: "always",
  },
  {
    what: "outlives its session deaf to signals",
    line: `env -i setsid sh -c 'trap "" TERM HUP INT QUIT; exec '"$SLEEP" &`,
    process: "always",
  },
  {
    what: "outlives its session while it is stopped",
    line: "env -i setsid $SLEEP & p=$!; until grep -aq ^sleep /proc/$p/cmdline; do :; done; kill -STOP $p",
    process: "always",
  },
  {
    what: "outlives its session as an orphan's orphan",
    line: `env -i sh -c "(setsid sh -c '(setsid $SLEEP &)' &)"`,
    process: "always",
  },
  {
    what: "outlives its session in a PID namespace",
    line: "{ env -i unshare --pid --fork $SLEEP || env -i $SLEEP; } &",
    process: "as root",
  },
];
