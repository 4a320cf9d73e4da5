/**
 * The user of a sandbox, as its programs find it in `/etc/passwd` and `/etc/group`. Its home there is the workspace's: ssh and
 * Python's `pwd`, for example, take it from that file and not from `HOME`, and refuse to work for a user who is not listed.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeShownFile } from "../users/places.ts";

const NAME = "agent";

/**
 * Writes the files once, beside the workspace's `tmp`. Returns the node's path by the path that programs see; a file that the node
 * does not have is left out.
 */
export function writeAccount(tmp: string, home: string, uid: number): Readonly<Record<string, string>> {
  const files = [
    { seen: "/etc/passwd", change: (text: string) => moveHome(text, uid, home) },
    { seen: "/etc/group", change: (text: string) => addGroup(text, uid) },
  ];
  return Object.fromEntries(
    files.flatMap(({ seen, change }): [string, string][] => {
      const file = join(dirname(tmp), seen.slice("/etc/".length));
      // A running sandbox may be reading it.
      if (!existsSync(file)) {
        const text = readText(seen);
        if (text === null) return [];
        writeShownFile(file, change(text));
      }
      return [[seen, file]];
    }),
  );
}

/** Changes the home of this user only, or adds the user. */
export function moveHome(passwd: string, uid: number, home: string): string {
  const lines = passwd.split("\n").map((line) => {
    const fields = line.split(":");
    return fields[2] === String(uid) && fields.length === 7 ? fields.with(5, home).join(":") : line;
  });
  return lines.some((line) => line.split(":")[2] === String(uid))
    ? lines.join("\n")
    : addLine(passwd, `${NAME}:x:${uid}:${uid}::${home}:/bin/sh`);
}

/** The group whose number is the user's. */
export function addGroup(groups: string, gid: number): string {
  const isListed = groups.split("\n").some((line) => line.split(":")[2] === String(gid));
  return isListed ? groups : addLine(groups, `${NAME}:x:${gid}:`);
}

const addLine = (text: string, line: string): string =>
  `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
