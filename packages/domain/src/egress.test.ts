import type { EgressPolicy } from "@samovar/contracts";
import { OPEN_EGRESS, egressHost } from "@samovar/contracts";
import { describe, expect, test } from "vitest";
import type { EgressRefusal, EgressRules } from "./egress.ts";
import {
  decideAddresses,
  decideName,
  describeRefusal,
  getLiteralAddress,
  getRepositoryHost,
  isNegotiable,
  readAuthority,
  readEgressTarget,
} from "./egress.ts";
import { DEFAULT_EGRESS_HOSTS } from "./egress-hosts.ts";

const list = (mode: EgressPolicy["mode"], ...hosts: string[]): EgressPolicy => ({
  mode,
  hosts: hosts.map((host) => egressHost.parse(host)),
});

/** The decision about a name and the addresses that it has. */
function decide(authority: string, policy: EgressPolicy, addresses: readonly string[] = ["93.184.216.34"]) {
  const target = readAuthority(authority);
  if (target === null) return "no host";
  const rules: EgressRules = { policy, repositoryHost: "git.example.com", controlPlaneHost: "Samovar.example.com." };
  const name = decideName(target, rules);
  if (!name.ok) return name.reason;
  const literal = getLiteralAddress(target);
  const reserved = { own: ["198.51.100.9", "10.0.0.9", "2a01:4f8::9"], controlPlane: ["104.16.0.1", "2606:4700::1"] };
  const decided = decideAddresses(literal === null ? addresses : [literal], name, reserved);
  return decided.ok ? decided.addresses.join(" ") : decided.reason;
}

const ADDRESS = "93.184.216.34";

describe("[R50] the mode of a project's egress", () => {
  const cases: readonly [authority: string, policy: EgressPolicy, decision: string][] = [
    // Open.
    ["example.com:443", OPEN_EGRESS, ADDRESS],
    ["example.com:25", OPEN_EGRESS, ADDRESS],
    ["8.8.8.8:53", OPEN_EGRESS, "8.8.8.8"],
    ["[2606:4700:4700::1111]:443", OPEN_EGRESS, "2606:4700:4700::1111"],
    // An allow-list: defaults, the repository's host and the listed hosts.
    ["example.com:443", list("allow-list"), "not-listed"],
    ["registry.npmjs.org:443", list("allow-list"), ADDRESS],
    ["git.example.com:22", list("allow-list"), ADDRESS],
    ["example.com:443", list("allow-list", "example.com"), ADDRESS],
    ["example.com:8443", list("allow-list", "example.com"), ADDRESS],
    ["example.com:443", list("allow-list", "example.com:443"), ADDRESS],
    ["example.com:80", list("allow-list", "example.com:443"), "not-listed"],
    ["8.8.8.8:53", list("allow-list"), "not-listed"],
    ["8.8.8.8:53", list("allow-list", "8.8.8.8:53"), "8.8.8.8"],
    ["[::ffff:8.8.8.8]:53", list("allow-list", "8.8.8.8"), "::ffff:808:808"],
    ["[2606:4700:4700:0:0:0:0:1111]:443", list("allow-list", "[2606:4700:4700::1111]"), "2606:4700:4700::1111"],
    // Closed: only the repository's host.
    ["git.example.com:443", list("none"), ADDRESS],
    ["registry.npmjs.org:443", list("none"), "closed"],
    ["example.com:443", list("none", "example.com"), "closed"],
  ];
  test.for(cases)("%s with %o: %s", ([authority, policy, decision]) => {
    expect(decide(authority, policy)).toBe(decision);
  });

  test("every default is a host that a project could list itself", () => {
    for (const host of DEFAULT_EGRESS_HOSTS) {
      expect(egressHost.parse(host)).toBe(host);
      expect(decide(`${host}:443`, list("allow-list"))).toBe(ADDRESS);
    }
  });
});

describe("[R50] the name of a host", () => {
  const policy = list("allow-list", "example.com", "*.tea.example", "xn--bcher-kva.example", "10.1.2.3");
  const cases: readonly [authority: string, decision: string][] = [
    ["EXAMPLE.Com:443", ADDRESS],
    ["example.com.:443", ADDRESS],
    ["bücher.example:443", ADDRESS],
    ["xn--bcher-kva.example:443", ADDRESS],
    ["bucher.example:443", "not-listed"],
    ["ｅxample.com:443", ADDRESS],
    ["cup.tea.example:443", ADDRESS],
    ["a.cup.tea.example:443", ADDRESS],
    ["tea.example:443", "not-listed"],
    ["eviltea.example:443", "not-listed"],
    ["cup.tea.example.evil.example:443", "not-listed"],
    ["sub.example.com:443", "not-listed"],
    ["evilexample.com:443", "not-listed"],
    ["10.1.2.3:5432", "10.1.2.3"],
    ["0xa.0x1.515:5432", "10.1.2.3"],
    ["167838211:5432", "10.1.2.3"],
    ["[::ffff:10.1.2.3]:5432", "::ffff:a01:203"],
    ["10.1.2.4:5432", "not-listed"],
    // What is no host or port.
    ["example.com", "no host"],
    ["example.com:0", "no host"],
    ["example.com:65536", "no host"],
    ["example.com:4 43", "no host"],
    [":443", "no host"],
    [".example.com:443", "no host"],
    ["a..example.com:443", "no host"],
    ["user@example.com:443", "no host"],
    ["evil.example#.example.com:443", "no host"],
    ["evil.example/example.com:443", "no host"],
    ["evil.example\\example.com:443", "no host"],
    ["evil.example?example.com:443", "no host"],
    ["evil.example:80:443", "no host"],
    ["exa\nmple.com:443", "no host"],
    ["exa\u0000mple.com:443", "no host"],
    ["exa\u001b[31mmple.com:443", "no host"],
    ["[::1%25lo]:443", "no host"],
    [`${"a".repeat(64)}.${"b.".repeat(120)}example:443`, "no host"],
  ];
  test.for(cases)("%j: %s", ([authority, decision]) => {
    expect(decide(authority, policy)).toBe(decision);
  });

  test("is ASCII without control characters, whatever was sent", () => {
    for (let code = 0; code < 0x3000; code++) {
      const target = readEgressTarget(`a${String.fromCharCode(code)}b.example`, 443);
      if (target !== null) expect(target.host).toMatch(/^[!-~]+$/);
    }
  });
});

describe("[security 24] [R50] an address that no project may reach", () => {
  const never = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "169.254.169.254",
    "169.254.0.1",
    "168.63.129.16",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    // The node's.
    "198.51.100.9",
    "10.0.0.9",
    "::ffff:10.0.0.9",
    "2a01:4f8:0:0::9",
  ];
  const toAuthority = (address: string) => (address.includes(":") ? `[${address}]:80` : `${address}:80`);
  test.for(never)("%s: neither as it is, nor by a name, nor listed", (address) => {
    const hosts = [address.includes(":") ? `[${address}]` : address, "db.example", "*.example"];
    for (const policy of [OPEN_EGRESS, list("open", ...hosts), list("allow-list", ...hosts)]) {
      expect(decide(toAuthority(address), policy)).toBe("forbidden");
      expect(decide("db.example:80", policy, [address])).toBe("forbidden");
    }
  });

  test("is refused for good where it is not listed, so that no one is offered to list it", () => {
    for (const authority of ["127.0.0.1:80", "[::1]:80", "0x7f.1:80", "169.254.169.254:80"])
      for (const mode of ["allow-list", "none"] as const) expect(decide(authority, list(mode))).toBe("forbidden");
  });

  test.for([
    "2130706433",
    "0x7f.1",
    "017700000001",
    "127.1",
    "127.0.0.1.",
    "0x7f000001",
    "①②⑦.0.0.1",
    "[::ffff:7f00:1]",
  ])("this computer as %s", (host) => expect(decide(`${host}:80`, OPEN_EGRESS)).toBe("forbidden"));

  test("localhost is whatever it resolves to", () => {
    expect(decide("localhost:80", OPEN_EGRESS, ["::1", "127.0.0.1"])).toBe("forbidden");
  });

  test("an address with a zone is none", () => {
    expect(decide("db.example:80", OPEN_EGRESS, ["fe80::1%eth0"])).toBe("forbidden");
  });
});

describe("[R50] an address in a private network", () => {
  const addresses = ["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1", "fc00::1"];
  test.for(addresses)("%s: only by a host that the project lists", (address) => {
    expect(decide("db.corp.example:5432", OPEN_EGRESS, [address])).toBe("private");
    expect(decide("db.corp.example:5432", list("open", "db.corp.example:5432"), [address])).toBe(address);
    expect(decide("db.corp.example:5433", list("open", "db.corp.example:5432"), [address])).toBe("private");
    expect(decide("db.corp.example:5432", list("allow-list", "*.corp.example"), [address])).toBe(address);
    // Trusted by their names alone.
    expect(decide("registry.npmjs.org:443", list("allow-list"), [address])).toBe("private");
    expect(decide("git.example.com:443", list("none"), [address])).toBe("private");
  });

  test("leaves out the addresses that may not be reached, and keeps the others", () => {
    expect(decide("example.com:443", OPEN_EGRESS, ["127.0.0.1", "10.0.0.1", ADDRESS, "::1", "1.1.1.1"])).toBe(
      `${ADDRESS} 1.1.1.1`,
    );
  });

  test("172.15.255.255, 172.32.0.1 and 100.128.0.1 are public", () => {
    for (const address of ["172.15.255.255", "172.32.0.1", "100.128.0.1"])
      expect(decide("example.com:443", OPEN_EGRESS, [address])).toBe(address);
  });
});

test("[R50] the control plane is refused by its name and by its addresses, listed or not", () => {
  for (const policy of [OPEN_EGRESS, list("allow-list", "samovar.example.com", "*.example.com", "front.example")]) {
    expect(decide("samovar.example.com:443", policy)).toBe("control-plane");
    expect(decide("SAMOVAR.example.com.:8443", policy)).toBe("control-plane");
    expect(decide("front.example:443", policy, ["104.16.0.1"])).toBe("control-plane");
    expect(decide("front.example:443", policy, ["2606:4700:0:0::1"])).toBe("control-plane");
  }
});

test("a refusal is one plain sentence, and says whether the project can change it", () => {
  const target = { host: "example.com", port: 443 };
  expect(describeRefusal(target, "not-listed")).toBe(
    "Refused a connection to example.com:443: the project's egress allows only listed hosts.",
  );
  const reasons: readonly EgressRefusal[] = ["not-listed", "closed", "private", "forbidden", "control-plane"];
  expect(reasons.map(isNegotiable)).toEqual([true, true, true, false, false]);
  for (const reason of reasons) expect(describeRefusal(target, reason)).toMatch(/^[ -~]+\.$/);
});

test("finds the host of a repository's address", () => {
  expect(getRepositoryHost("https://github.com/a/b.git")).toBe("github.com");
  expect(getRepositoryHost("ssh://git@Code.example:2222/a/b")).toBe("Code.example");
  expect(getRepositoryHost("git@code.example:a/b.git")).toBe("code.example");
  expect(getRepositoryHost("/srv/repository")).toBeNull();
});
