import { describe, expect, it } from "vitest";
import { parseIpv4, parseIpv6 } from "./ip-address.ts";

describe("an IPv6 address", () => {
  it.each([
    ["::", [0, 0, 0, 0, 0, 0, 0, 0]],
    ["::1", [0, 0, 0, 0, 0, 0, 0, 1]],
    ["2001:DB8::8:1", [0x2001, 0xdb8, 0, 0, 0, 0, 8, 1]],
    ["1:2:3:4:5:6:7:8", [1, 2, 3, 4, 5, 6, 7, 8]],
    ["fe80::", [0xfe80, 0, 0, 0, 0, 0, 0, 0]],
    ["::ffff:169.254.1.2", [0, 0, 0, 0, 0, 0xffff, 0xa9fe, 0x102]],
    ["1:2:3:4:5:6:7::", [1, 2, 3, 4, 5, 6, 7, 0]],
  ])("%s has its eight groups", (text, groups) => {
    expect(parseIpv6(text)).toEqual(groups);
  });

  it.each([
    "",
    ":",
    "1",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "::12345",
    "::g",
    "1.2.3.4",
    "::1.2.3",
    "1::2%eth0",
  ])("%j is none", (text) => {
    expect(parseIpv6(text)).toBeNull();
  });
});

describe("an IPv4 address", () => {
  it("has four bytes in decimal", () => {
    expect(parseIpv4("169.254.0.1")).toEqual([169, 254, 0, 1]);
    for (const text of ["1.2.3", "1.2.3.256", "0x1.2.3.4", "1.2.3.4.5", "::1"]) expect(parseIpv4(text)).toBeNull();
  });
});
