import type { EgressPolicy } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { decideEgressPermission, isClosedEntry, readRefusal } from "./egress-permission.ts";

const policy = (mode: EgressPolicy["mode"], ...hosts: string[]): EgressPolicy => ({ mode, hosts });
const decide = (target: string, given: EgressPolicy) => {
  const refused = readRefusal({ tool: "egress", target });
  if (refused === null) throw new Error(`${target} is no target`);
  return decideEgressPermission(given, refused);
};

describe("[R50] a refused connection", () => {
  it.each([
    ["registry.example.com:443", "registry.example.com"],
    ["Registry.Example.com:80", "registry.example.com"],
    ["db.example.com:5432", "db.example.com:5432"],
    ["10.1.2.3:8080", "10.1.2.3:8080"],
    ["[fd00::5]:443", "[fd00::5]"],
    ["fd00::5:8443", "[fd00::5]:8443"],
  ])("to %s can be allowed with the entry %s", (target, entry) => {
    expect(decide(target, policy("allow-list"))).toEqual({ kind: "allowable", entry });
    expect(decide(target, policy("allow-list", entry))).toEqual({ kind: "allowed" });
    expect(decide(target, policy("open"))).toEqual({ kind: "allowable", entry });
    expect(decide(target, policy("open", entry))).toEqual({ kind: "allowed" });
    expect(decide(target, policy("none", entry))).toEqual({ kind: "none" });
  });

  it.each([
    "localhost:3000",
    "api.localhost:443",
    "localhost.:443",
    "127.0.0.1:443",
    "127.9.9.9:80",
    "0.0.0.0:80",
    "169.254.169.254:80",
    "[::1]:443",
    "[::]:443",
    "[fe80::1]:443",
    "[febf::1]:443",
    "[::ffff:127.0.0.1]:443",
    "[::ffff:a9fe:a9fe]:80",
    "not a host:443",
  ])("to %s can never be allowed", (target) => {
    for (const mode of ["open", "allow-list", "none"] as const)
      expect(decide(target, policy(mode))).toEqual({ kind: "never" });
  });

  it("is allowed by a name below which it is, on the port of the entry alone", () => {
    expect(decide("a.example.com:443", policy("allow-list", "*.example.com"))).toEqual({ kind: "allowed" });
    expect(decide("example.com:443", policy("allow-list", "*.example.com")).kind).toBe("allowable");
    expect(decide("badexample.com:443", policy("allow-list", "*.example.com")).kind).toBe("allowable");
    expect(decide("a.example.com:443", policy("allow-list", "a.example.com:8443")).kind).toBe("allowable");
  });

  it("is allowed by the defaults in an allow-list alone", () => {
    expect(decide("pypi.org:443", policy("allow-list"))).toEqual({ kind: "allowed" });
    expect(decide("pypi.org:443", policy("open")).kind).toBe("allowable");
  });

  it("is read from the notice that reports it, and from no other", () => {
    expect(readRefusal({ tool: "egress", target: "a.example:443" })).toEqual({ host: "a.example", port: 443 });
    for (const target of [null, "a.example", "a.example:0", "a.example:99999", ":443"])
      expect(readRefusal({ tool: "egress", target })).toBeNull();
    expect(readRefusal({ tool: "execute", target: "a.example:443" })).toBeNull();
    expect(readRefusal(null)).toBeNull();
  });
});

describe("[R50] an entry of a policy", () => {
  it("cannot open loopback and link-local hosts", () => {
    for (const entry of ["localhost", "*.localhost", "127.0.0.1:80", "[::1]", "[fe80::1]:80", "169.254.169.254"])
      expect(isClosedEntry(entry)).toBe(true);
    for (const entry of ["example.com", "*.example.com", "10.0.0.1:80", "[fd00::1]", "[fd00::1]:80", "intranet"])
      expect(isClosedEntry(entry)).toBe(false);
  });
});
