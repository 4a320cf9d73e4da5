/** Files of the node, of its user and of other workspaces. */
import { type EscapeProbe, getCallNumber, perl } from "./probe.ts";

const SETUID =
  "inside it has no effect, because nothing gains rights there; outside, the directories of workspaces are closed to other users";

export const FILE_PROBES: readonly EscapeProbe[] = [
  {
    what: "reads the settings of a session host",
    line: 'cat "$STATE/w/mine/host.json" && echo reached',
    process: "always",
  },
  {
    what: "writes to the daemon's database",
    line: 'echo x >>"$STATE/daemon.sqlite" && echo reached',
    process: "always",
  },
  {
    what: "reads the node's identity",
    line: 'cat "$STATE/identity.json" && echo reached',
    process: "always",
  },
  {
    what: "replaces the node's identity",
    line: 'cp "$STATE/identity.json" i && mv i "$STATE/identity.json" && echo reached',
    process: "always",
  },
  {
    what: "makes the node's identity readable for all",
    line: 'chmod 644 "$STATE/identity.json" && echo reached',
    process: "always",
  },
  {
    what: "lists the workspaces of its node",
    line: 'ls "$STATE/w" | grep -qx other && echo reached',
    process: "always",
  },
  {
    what: "reads another workspace's checkout",
    line: 'cat "$STATE/w/other/repo/work.txt" && echo reached',
    process: "always",
  },
  {
    what: "writes to another workspace's checkout",
    line: 'echo x >>"$STATE/w/other/repo/draft.txt" && echo reached',
    process: "always",
  },
  {
    what: "reads another session's unsent messages",
    line: 'cat "$STATE/w/other/session/host.sqlite" && echo reached',
    process: "always",
  },
  {
    what: "reads another workspace's home",
    line: 'cat "$STATE/w/other/home/token" && echo reached',
    process: "always",
  },
  {
    what: "reads another workspace's /tmp",
    line: 'cat "$STATE/w/other/tmp/socket-key" && echo reached',
    process: "always",
  },
  { what: "deletes another workspace", line: 'rm -r "$STATE/w/doomed" && echo reached', process: "always" },
  {
    what: "leaves its checkout by way of ..",
    line: "cat ../../../other/repo/work.txt && echo reached",
    process: "always",
  },
  {
    what: "leaves its checkout through /proc/self/cwd",
    line: "cat /proc/self/cwd/../../../other/repo/work.txt && echo reached",
    process: "always",
  },
  {
    what: "reads through a link to a directory",
    line: 'ln -s "$STATE" up && cat up/identity.json && echo reached',
    process: "always",
  },
  {
    what: "lets itself into the user's account by ssh",
    line: 'echo key >>"$USER_HOME/.ssh/authorized_keys" && echo reached',
    process: "always",
  },
  {
    what: "changes the user's shell profile",
    line: 'echo x >>"$USER_HOME/.profile" && echo reached',
    process: "always",
  },
  { what: "reads the user's login for npm", line: 'cat "$USER_HOME/.npmrc" && echo reached', process: "always" },
  {
    what: "plants a package among the agents",
    line: 'mkdir "$STATE/agents/x" && echo reached',
    process: "always",
  },
  { what: "changes the session host's snapshot", line: 'echo x >>"$SNAPSHOT" && echo reached', process: "always" },
  {
    what: "replaces the vm-agent's file",
    line: 'cat "$BUNDLE" >b && mv b "$BUNDLE" && echo reached',
    process: "always",
  },
  {
    what: "runs a package's script outside, at npm ci",
    line: `printf '%s' '{"name":"x","version":"1.0.0","scripts":{"postinstall":"cat $STATE/identity.json && echo reached"}}' >package.json
printf '%s' '{"name":"x","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"x","version":"1.0.0"}}}' >package-lock.json
npm ci --offline --foreground-scripts --no-audit --no-fund`,
    process: "always",
  },
  { what: "reads other programs' files in /tmp", line: 'cat "$IN_TMP" && echo reached', process: "always" },
  { what: "reads other programs' files in /dev/shm", line: 'cat "$IN_SHM" && echo reached', process: "always" },
  {
    what: "leaves a file in /var/tmp",
    line: 'touch "/var/tmp/$LEAVES"',
    leaves: "/var/tmp",
    process: "always",
    ownUser: "always",
  },
  {
    what: "leaves a file in /dev/shm",
    line: 'touch "/dev/shm/$LEAVES"',
    leaves: "/dev/shm",
    process: "always",
    ownUser: "always",
  },
  {
    what: "leaves a file in /run",
    line: 'touch "/run/$LEAVES"',
    leaves: "/run",
    process: "as root",
  },
  {
    what: "leaves a file in /etc",
    line: 'touch "/etc/$LEAVES"',
    leaves: "/etc",
    process: "as root",
  },
  {
    what: "leaves a file in /var/lib",
    line: 'touch "/var/lib/$LEAVES"',
    leaves: "/var/lib",
    process: "as root",
  },
  {
    what: "leaves a file in /opt",
    line: 'touch "/opt/$LEAVES"',
    leaves: "/opt",
    process: "as root",
  },
  {
    what: "opens a file by its handle instead of its name",
    // The handle is computed outside; an attacker guesses it, because it consists of small numbers.
    line: perl(
      `my $h = pack("H*", $ENV{HANDLE}); open(my $d, "<", "."); my $f = syscall(${getCallNumber("openByHandleAt")}, fileno($d), $h, 0); print "reached\\n" if $f >= 0`,
    ),
    process: "as root",
  },
  { what: "gives a file to another user", line: "touch f && chown 12345 f && echo reached", process: "as root" },
  {
    what: "gives a program a capability",
    line: `cp /bin/true c && ${perl(
      `my ($p, $n, $v) = ("c", "security.capability", pack("L5", 0x02000001, 1 << 2, 0, 0, 0)); print "reached\\n" if syscall(${getCallNumber("setxattr")}, $p, $n, $v, 20, 0) == 0`,
    )}; rm -f c`,
    process: "as root",
  },
  {
    what: "leaves a setuid program of the node's user",
    line: 'cp /bin/true "$LEFT" && chmod 4755 "$LEFT" && test -u "$LEFT" && echo reached; rm -f "$LEFT"',
    process: "always",
    ownUser: "always",
    holes: { sandbox: SETUID, docker: SETUID },
  },
];
