import { describe, expect, it } from "vitest";
import { chooseProvider, describeMissingProvider } from "./choose-provider.ts";

describe("a new node's provider", () => {
  it.each([
    [undefined, ["hetzner"], "hetzner"],
    [undefined, ["digitalocean", "github"], "digitalocean"],
    [undefined, ["digitalocean", "hetzner"], "hetzner"],
    [undefined, ["github"], null],
    ["digitalocean", ["digitalocean", "hetzner"], "digitalocean"],
    ["digitalocean", ["hetzner"], null],
  ] as const)("with CLOUD_PROVIDER %s and the credentials %j is %s", (CLOUD_PROVIDER, stored, provider) => {
    expect(chooseProvider({ CLOUD_PROVIDER }, new Set(stored))).toBe(provider);
  });

  it("[R18] is asked for by name when there is no credential that may be used", () => {
    const message = expect.stringMatching(/token of Hetzner or DigitalOcean/);
    expect(describeMissingProvider({ CLOUD_PROVIDER: undefined })).toEqual({ kind: "hetzner", message });
    expect(describeMissingProvider({ CLOUD_PROVIDER: "digitalocean" })).toEqual({
      kind: "digitalocean",
      message: expect.stringMatching(/token of DigitalOcean /),
    });
  });
});
