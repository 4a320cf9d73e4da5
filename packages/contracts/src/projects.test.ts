import { expect, test } from "vitest";
import { branchName, repoUrl } from "./projects.ts";

test.each([
  "https://example.org/tea/house.git",
  "ssh://git@example.org/tea/house.git",
  "git@example.org:tea/house.git",
  "/home/me/tea house",
])("[security 17] %s is a repository's address", (value) => {
  expect(repoUrl.safeParse(value).success).toBe(true);
});

test.each([
  "ext::sh -c touch /tmp/x",
  "file:///etc/passwd",
  "-uexec",
  "--upload-pack=touch",
  "https://me:secret@example.org/r.git",
  "ssh://-oProxyCommand=x/y",
  "git@-oProxyCommand=x:y z",
  "https://example.org/a\nb",
  "relative/path",
  "",
])("[security 17] %j is refused", (value) => {
  expect(repoUrl.safeParse(value).success).toBe(false);
});

test.each(["main", "task/tsk_01", "release-1.2", "a+b"])("[security 20] %s is a branch's name", (value) => {
  expect(branchName.safeParse(value).success).toBe(true);
});

test.each(["a;id", "$(id)", "`id`", "-d", "a..b", "a b", "a//b", "x.lock", "a/", "‮txt", "@{1}", "a~1", "a:b", ""])(
  "[security 20] %j is refused",
  (value) => {
    expect(branchName.safeParse(value).success).toBe(false);
  },
);
