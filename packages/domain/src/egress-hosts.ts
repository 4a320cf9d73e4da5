/** What an allow-list allows by itself: the registries of the usual package managers, and the hosts of code. */
export const DEFAULT_EGRESS_HOSTS: readonly string[] = [
  // npm, Yarn
  "registry.npmjs.org",
  "registry.yarnpkg.com",
  // PyPI
  "pypi.org",
  "files.pythonhosted.org",
  // crates.io
  "crates.io",
  "index.crates.io",
  "static.crates.io",
  // Go
  "proxy.golang.org",
  "sum.golang.org",
  // Debian
  "deb.debian.org",
  "security.debian.org",
  // Code
  "github.com",
  "codeload.github.com",
  "objects.githubusercontent.com",
  "raw.githubusercontent.com",
  "gitlab.com",
  "bitbucket.org",
];
