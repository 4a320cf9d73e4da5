import { describe, expect, it } from "vitest";
import { parseGitHubRepository } from "./repository.ts";

describe("an address of GitHub", () => {
  it.each([
    ["https://github.com/acme/kettle", "https"],
    ["https://github.com/acme/kettle.git", "https"],
    ["https://GitHub.com:443/acme/kettle/", "https"],
    ["git@github.com:acme/kettle.git", "ssh"],
    ["ssh://git@github.com/acme/kettle.git", "ssh"],
    ["ssh://git@ssh.github.com:443/acme/kettle.git", "ssh"],
  ])("%s names a repository", (url, over) => {
    expect(parseGitHubRepository(url)).toEqual({ owner: "acme", name: "kettle", over });
  });

  it("may have dots in the repository's name", () => {
    expect(parseGitHubRepository("https://github.com/acme/acme.github.io")).toMatchObject({ name: "acme.github.io" });
  });

  it.each([
    "/home/me/kettle",
    "https://git.test/acme/kettle.git",
    "http://github.com/acme/kettle",
    "https://github.com:8443/acme/kettle",
    "https://github.com.evil.test/acme/kettle",
    "https://evil.test/github.com/acme",
    "https://github.com@evil.test/acme/kettle",
    "https://token@github.com/acme/kettle",
    "https://gist.github.com/acme/kettle",
    "https://github.com/acme",
    "https://github.com/acme/kettle/tree/main",
    "https://github.com/acme/..",
    "https://github.com/acme/kettle?x=1",
    "https://github.com/acme/ket%2Ftle",
    "git@evil.test:acme/kettle.git",
    "git@github.com.evil.test:acme/kettle.git",
    "ssh://git@github.com:2222/acme/kettle.git",
    "ssh://root@github.com/acme/kettle.git",
  ])("[S1] %s is none", (url) => {
    expect(parseGitHubRepository(url)).toBeNull();
  });
});
