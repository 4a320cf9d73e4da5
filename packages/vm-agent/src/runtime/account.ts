/**
 * The user of a sandbox, as its programs find it in `/etc/passwd`. Its home there is the workspace's: ssh and Python's
 * `pwd`, for example, take it from that file and not from `HOME`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const PASSWD = "/etc/passwd";

/** Writes the file once, beside the workspace's `tmp`. Returns the node's path by the path that programs see; empty without such a file. */
export function writeAccount(tmp: string, home: string): Readonly<Record<string, string>> {
  const file = join(dirname(tmp), "passwd");
  // A sandbox that runs may be reading it.
  if (!existsSync(file)) {
    const passwd = readPasswd();
    if (passwd === null) return {};
    writeFileSync(file, moveHome(passwd, process.getuid?.() ?? 0, home), { mode: 0o644 });
  }
  return { [PASSWD]: file };
}

/** Changes the home of this user alone. A user that is not listed stays so. */
export function moveHome(passwd: string, uid: number, home: string): string {
  const lines = passwd.split("\n").map((line) => {
    const fields = line.split(":");
    return fields[2] === String(uid) && fields.length === 7 ? fields.with(5, home).join(":") : line;
  });
  return lines.join("\n");
}

function readPasswd(): string | null {
  try {
    return readFileSync(PASSWD, "utf8");
  } catch {
    return null;
  }
}
