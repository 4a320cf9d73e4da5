import { expect, test } from "vitest";
import { branchName, repoUrl } from "./projects.ts";

test.each([
  "https://example.org/tea/house.git",
  "ssh://git@example.org/tea/house.git",
  "git@example.org:tea/house.git",
  "ssh://example.org:2222/tea/house.git",
  "https://example.org/tea/my%20house.git?a=b",
  "http://127.0.0.1:8080/tea.git",
  "http://localhost/tea.git",
  "http://[::1]/tea.git",
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
  "http://example.org/tea.git",
  "http://169.254.169.254/latest",
  "http://127.0.0.1.example.org/tea.git",
  "http://localhost@example.org/tea.git",
  "HTTP://example.org/tea.git",
  "ssh://git@%2doProxyCommand=x/y",
  "ssh://%2doProxyCommand=x/y",
  "ssh://git@-oProxyCommand=x/y",
  "https://%65xample.org/r.git",
  "https://example.org\\@other.org/r.git",
  "https://example.org#@other.org/r.git",
  "https://me@example.org/r.git",
  "ssh://me@example.org/r.git",
  "https://",
  "https:///r.git",
  "ssh://git@/r.git",
  "https://example.org:99999/r.git",
  "https://example.org/a\u202egit.r",
  "https://exam\u200bple.org/r.git",
  "https://example.org/r\u00ad.git",
  "https://example.org/\u{e0041}r.git",
  "git@example.org:tea\u2066house.git",
  "/home/me/tea\u202ehouse",
  "/home/me/tea\u200bhouse",
  "/home/me/tea\thouse",
  "/home/me/tea\u009bhouse",
])("[security 17] %j is refused", (value) => {
  expect(repoUrl.safeParse(value).success).toBe(false);
});

test.each(["main", "task/tsk_01", "release-1.2", "a+b", "HEADS", "a/HEAD", "my/refs/x", "a.b/c.d", "lock"])(
  "[security 20] %s is a branch's name",
  (value) => {
    expect(branchName.safeParse(value).success).toBe(true);
  },
);

test.each([
  "a;id",
  "$(id)",
  "`id`",
  "-d",
  "a..b",
  "a b",
  "a//b",
  "x.lock",
  "a/",
  "‮txt",
  "@{1}",
  "a~1",
  "a:b",
  "",
  "HEAD",
  ".a",
  "a/.b",
  "a/b/.c",
  "a/-/../b",
  "refs/heads/x",
  "refs/x",
  "a.lock/b",
  "a.",
  "a/b.",
])("[security 20] %j is refused", (value) => {
  expect(branchName.safeParse(value).success).toBe(false);
});
