/**
 * Settings and files with which a checkout makes git start a program. `hostile-checkout.test.ts` and `finish.test.ts` have others.
 * Each is planted in one checkout that is then compared, finished and bundled; `$TOUCH` is a command that leaves a trace on the
 * node, and `$PROGRAM` a file that does the same. The control is what git does for a person who works in that checkout.
 */
import type { EscapeProbe } from "./probe.ts";

/** What a person does afterwards. */
const then = (command: string) =>
  `sh -c "$LINE" >/dev/null 2>&1; ${command} >/dev/null 2>&1; test -e "$CANARY" && echo reached`;

const plant = (what: string, line: string, command: string): EscapeProbe => ({
  what: `starts a program outside by ${what}`,
  line,
  process: "never",
  control: then(command),
});

export const GIT_PROBES: readonly EscapeProbe[] = [
  plant(
    "an included file of settings",
    'printf "[core]\\n\\tfsmonitor = %s\\n" "$TOUCH" >.git/more && git config include.path more',
    "git status",
  ),
  plant(
    "settings that count for one branch",
    'printf "[core]\\n\\tpager = %s\\n\\teditor = %s\\n" "$TOUCH" "$TOUCH" >.git/branch && git config "includeIf.onbranch:**.path" branch',
    "git commit --allow-empty",
  ),
  plant(
    "settings in the workspace's home",
    'printf "[core]\\n\\tfsmonitor = %s\\n" "$TOUCH" >>"$HOME/.gitconfig"',
    "git status",
  ),
  plant(
    "a bare repository in a directory",
    'git init --quiet --bare bare && git -C bare config core.bare false && git -C bare config core.worktree . && git -C bare config core.fsmonitor "$TOUCH"',
    "git -C bare status",
  ),
  plant(
    "a filter for files that are checked out",
    'echo "*.smudged filter=smudged" >>.gitattributes && git config filter.smudged.smudge "$TOUCH" && echo x >x.smudged',
    "git add . && rm x.smudged && git checkout x.smudged",
  ),
  plant(
    "a converter for the text of a diff",
    'echo "*.converted diff=converted" >>.gitattributes && git config diff.converted.textconv "$TOUCH" && echo x >x.converted',
    "git add . && git --no-pager diff --cached",
  ),
  plant(
    "a driver for merges",
    'echo "*.merged merge=merged" >>.gitattributes && git config merge.merged.driver "$TOUCH"',
    "echo 1 >x.merged && git add . && git commit -m 1 && git branch b && echo 2 >x.merged && git commit -am 2 && git checkout b && echo 3 >x.merged && git commit -am 3 && git merge @{-1}",
  ),
  plant("a format of archives", 'git config tar.evil.command "$TOUCH"', "git archive --format=evil HEAD"),
  plant(
    "a trailer of commits",
    'git config trailer.evil.command "$TOUCH"',
    "git commit --allow-empty --trailer evil=1 -m x",
  ),
  plant(
    "the program that finds a signing key",
    'git config gpg.format ssh && git config gpg.ssh.defaultKeyCommand "$TOUCH" && git config commit.gpgSign true && git config tag.gpgSign true',
    "git commit --allow-empty -m x",
  ),
  plant(
    "the remote's program for fetches",
    'git config remote.origin.uploadpack "$TOUCH; git-upload-pack"',
    "git fetch origin",
  ),
  plant(
    "a transport that is a command",
    'git config protocol.ext.allow always && git config remote.second.url "ext::$TOUCH" && git config branch.main.pushRemote second',
    "git fetch second",
  ),
  plant(
    "a proxy for git's own protocol",
    'git config core.gitProxy "$PROGRAM" && git config remote.third.url git://127.0.0.1:1/x',
    "git fetch third",
  ),
  plant(
    "the update of a submodule",
    'git init --quiet sub && git -C sub commit --quiet --allow-empty -m 1 && printf "[submodule \\"sub\\"]\\n\\tpath = sub\\n\\turl = ./sub\\n" >.gitmodules && git add sub && git -C sub commit --quiet --allow-empty -m 2 && git config submodule.sub.url ./sub && git config submodule.sub.update "!$TOUCH"',
    "git submodule update",
  ),
  plant(
    "a carrier of large files",
    'printf "[lfs]\\n\\tstandalonetransferagent = evil\\n" >.lfsconfig && git config lfs.standalonetransferagent evil && git config lfs.customtransfer.evil.path "$PROGRAM" && echo "*.large filter=lfs" >>.gitattributes && echo x >x.large',
    "git lfs install --local --force && git add . && git commit -m x && git lfs push --all origin",
  ),
];
