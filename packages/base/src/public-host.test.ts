import { describe, expect, it } from "vitest";
import { isLoopbackHost, isPublicHost } from "./public-host.ts";

describe("[security 17] a host", () => {
  it.each([
    "github.com",
    "git.example.org",
    "GITLAB.COM.",
    "8.8.8.8",
    "172.32.0.1",
    "[2606:4700::1111]",
    "bücher.example.com",
  ])("%s may be on the Internet", (host) => expect(isPublicHost(host)).toBe(true));

  it.each([
    // Names.
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "localhost.localdomain",
    "metadata.google.internal",
    "printer.local",
    "router.lan",
    "intranet",
    "metadata",
    "ip6-loopback",
    // IPv4, in every form that resolvers take.
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "0",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "10.1.2.3",
    "100.64.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "１２７.０.０.１",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    // IPv6.
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    // No hosts.
    "",
    "a b",
    "1.2.3.4.5",
    "256.256.256.256",
    "[::1",
    "-",
  ])("%s is not on the Internet", (host) => expect(isPublicHost(host)).toBe(false));

  it("is this computer by its usual names only", () => {
    for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"]) expect(isLoopbackHost(host)).toBe(true);
    for (const host of ["localhost.evil.test", "127.0.0.1.evil.test", "128.0.0.1", "[::2]", ""])
      expect(isLoopbackHost(host)).toBe(false);
  });
});
