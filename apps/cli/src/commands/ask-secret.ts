/** Asks a question on the terminal and shows nothing of the answer. */
import { CliError } from "../client/errors.ts";

const MOST_CHARS = 16_384;

/** Null when standard input is no terminal. Throws {@link CliError} when the answer is broken off. */
export async function askSecret(question: string): Promise<string | null> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return null;
  stdin.setRawMode(true);
  stderr.write(question);
  try {
    return await readLine();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}

function readLine(): Promise<string> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    let line = "";
    const listen = (chunk: Buffer) => {
      // What follows the line's end in the same chunk is not ours: a pasted secret is one line.
      for (const char of chunk.toString("utf8")) {
        if (char === "\r" || char === "\n" || char === "\u0004") return done(() => resolve(line));
        if (char === "\u0003") return done(() => reject(new CliError("Nothing was stored.")));
        line = char === "\u007f" || char === "\b" ? line.slice(0, -1) : line + char;
        if (line.length > MOST_CHARS) return done(() => reject(new CliError("This is too long for a secret.")));
      }
    };
    const done = (settle: () => void) => {
      stdin.off("data", listen);
      settle();
    };
    stdin.on("data", listen);
    stdin.resume();
  });
}
