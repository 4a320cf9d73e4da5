/** Sockets of the node, and its proxy as a way around the wall. `network.contract.test.ts` tries connections by TCP. */
import { type EscapeProbe, node, perl } from "./probe.ts";

const connectTo = (path: string) =>
  node(`require("net").connect(${path}, () => (console.log("reached"), process.exit())).on("error", () => {})`);
/** A connected socket reports that nothing listens; the timer is for a network that drops what it is sent. */
const askByUdp = (kind: string, host: string, port: string) =>
  node(
    `const s = require("dgram").createSocket("${kind}"); const end = () => process.exit(); setTimeout(end, 20000); s.on("error", end).on("message", () => (console.log("reached"), end())); s.connect(Number(process.env.${port}), "${host}", (e) => e ? end() : s.send("tea"))`,
  );
/** Through the workspace's proxy where it has one, else directly. */
const ask = (hosts: readonly string[]) =>
  `for h in ${hosts.map((host) => `"${host}"`).join(" ")}; do curl -sg -m 10 --noproxy "" \${HTTP_PROXY:+--proxy "$HTTP_PROXY"} "http://$h:$WEB/" | grep -q word-of-the-node && echo reached && break; done`;
/** By `CONNECT`, where there is a proxy. */
const tunnel = (host: string) => `${ask([host])}`.replace("-sg", "-sg --proxytunnel");

export const NETWORK_PROBES: readonly EscapeProbe[] = [
  {
    what: "reaches the node's loopback by UDP",
    line: askByUdp("udp4", "127.0.0.1", "UDP4"),
    process: "always",
    ownUser: "always",
  },
  {
    what: "reaches the node's loopback by UDP over IPv6",
    line: askByUdp("udp6", "::1", "UDP6"),
    needs: "/proc/net/if_inet6",
    process: "always",
    ownUser: "always",
  },
  { what: "uses the ssh agent of the node's user", line: connectTo("process.env.SSH_AGENT"), process: "always" },
  { what: "commands a container engine", line: connectTo("`${process.env.STATE}/docker.sock`"), process: "always" },
  {
    what: "opens the start gate of other nodes",
    line: connectTo("`${process.env.STATE}/gate.sock`"),
    process: "always",
  },
  {
    what: "commands another workspace's session host",
    line: connectTo("`${process.env.STATE}/w/other/session/host.sock`"),
    process: "always",
  },
  {
    what: "connects to a socket of another workspace's program",
    line: connectTo("`${process.env.STATE}/w/other/home/server.sock`"),
    process: "always",
  },
  {
    what: "shares the node's ports",
    line: node(
      'require("net").createServer().on("error", (e) => e.code === "EADDRINUSE" && console.log("reached")).listen(Number(process.env.WEB), "127.0.0.1", () => process.exit())',
    ),
    process: "always",
    ownUser: "always",
  },
  {
    what: "sees the node's connections",
    line: 'grep -qi "0100007F:$(printf %04X "$WEB") " /proc/net/tcp && echo reached',
    process: "always",
    ownUser: "always",
  },
  {
    what: "sees the node's unix sockets",
    line: 'grep -q "$STATE/docker.sock" /proc/net/unix && echo reached',
    process: "always",
    ownUser: "always",
  },
  {
    what: "reads the network's raw packets",
    line: perl('print "reached\\n" if socket(my $s, 17, 3, 0x300)'),
    process: "as root",
  },
  { what: "sends forged packets", line: perl('print "reached\\n" if socket(my $s, 2, 3, 255)'), process: "as root" },
  {
    what: "asks the proxy for a server of the node",
    line: ask(["127.0.0.1", "localhost"]),
    process: "always",
    ownUser: "always",
  },
  {
    what: "asks the proxy for a server of the node by an unusual form of its address",
    line: ask(["0.0.0.0", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]"]),
    process: "always",
    ownUser: "always",
  },
  {
    what: "tunnels through the proxy to a server of the node",
    line: tunnel("127.0.0.1"),
    process: "always",
    ownUser: "always",
  },
  {
    what: "opens a socket to the machine's host (vsock)",
    line: perl(
      'my $a = pack("SSLLC4", 40, 0, 0xffffffff, 0xffffffff, 0, 0, 0, 0); my $s; print "reached\\n" if socket($s, 40, 1, 0) && bind($s, $a)',
    ),
    needs: "/dev/vsock",
    process: "always",
    ownUser: "always",
  },
];

const METADATA = "169.254.169.254";

/** Run in a network namespace of the test, where the address of metadata services is the test's own server. */
export const METADATA_PROBES: readonly EscapeProbe[] = [
  {
    what: "reads the machine's metadata service",
    line: `curl -s -m 10 --noproxy "*" http://${METADATA}/ | grep -q word-of-the-node && echo reached`,
    process: "as root",
    ownUser: "always",
  },
  {
    what: "reads the machine's metadata service through the proxy",
    line: ask([METADATA]),
    process: "as root",
    ownUser: "always",
  },
  {
    what: "tunnels through the proxy to the metadata service",
    line: tunnel(METADATA),
    process: "as root",
    ownUser: "always",
  },
  {
    what: "reads the machine's metadata service by an unusual form of its address",
    line: ask(["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:169.254.169.254]"]),
    process: "as root",
    ownUser: "always",
  },
];
