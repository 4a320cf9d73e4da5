import { describe, expect, it } from "vitest";
import { CliError } from "../client/errors.ts";
import { getLocalUrl, LOCAL_DEPLOYMENT, parseDeployment } from "./deployment.ts";

const PUBLIC = "https://samovar.example";

describe("the options of `samovar up`", () => {
  it("without any of them: this computer and its local cloud", () => {
    expect(parseDeployment({})).toEqual(LOCAL_DEPLOYMENT);
  });

  it("[R53] a public address serves nodes at Hetzner and on this computer", () => {
    expect(parseDeployment({ publicUrl: `${PUBLIC}/`, cloud: "hetzner" })).toMatchObject({ publicUrl: PUBLIC });
    expect(parseDeployment({ publicUrl: `${PUBLIC}:8443`, cloud: "local", host: "0.0.0.0" })).toEqual({
      publicUrl: `${PUBLIC}:8443`,
      cloud: "local",
      host: "0.0.0.0",
    });
  });

  it.each(["0.0.0.0", "::", "192.168.1.4", "2001:db8::1"])(
    "[security 42] do not open the port on %s without a public address",
    (host) => {
      expect(() => parseDeployment({ host })).toThrow("other computers could reach");
      expect(parseDeployment({ host, publicUrl: PUBLIC }).host).toBe(host);
    },
  );

  it.each([
    "http://samovar.example",
    "https://samovar.example/path",
    "https://samovar.example?x=1",
    "https://user:secret@samovar.example",
    "samovar.example",
    "",
  ])("refuse %j as a public address", (publicUrl) => {
    expect(() => parseDeployment({ publicUrl })).toThrow(CliError);
  });

  it.each([
    [{ cloud: "hetzner" }, "cannot reach this computer"],
    [{ cloud: "moon" }, "no cloud moon"],
    [{ host: "localhost" }, "--host is localhost"],
    [{ host: "" }, "--host is"],
  ])("refuse %j with what to do", (options, message) => {
    expect(() => parseDeployment(options)).toThrow(message);
  });
});

it.each([
  ["127.0.0.1", "http://127.0.0.1:7266"],
  ["0.0.0.0", "http://127.0.0.1:7266"],
  ["::", "http://[::1]:7266"],
  ["192.168.1.4", "http://192.168.1.4:7266"],
  ["2001:db8::1", "http://[2001:db8::1]:7266"],
])("programs on this computer reach what listens on %s at %s", (host, url) => {
  expect(getLocalUrl({ ...LOCAL_DEPLOYMENT, host }, 7266)).toBe(url);
});
