/** Prompts on the terminal without echoing the answer. */
import { CliError } from "../client/errors.ts";

const MAX_CHARS = 16_384;

/** Null when standard input is not a terminal. Throws {@link CliError} when the prompt is interrupted. */
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
      // Ignores what follows the line's end in the same chunk: a secret is one line.
      for (const char of chunk.toString("utf8")) {
        if (char === "\r" || char === "\n" || char === "\u0004") return done(() => resolve(line));
        if (char === "\u0003") return done(() => reject(new CliError("Nothing was stored.")));
        line = char === "\u007f" || char === "\b" ? line.slice(0, -1) : line + char;
        if (line.length > MAX_CHARS) return done(() => reject(new CliError("The secret is too long.")));
      }
    };
    const done = (complete: () => void) => {
      stdin.off("data", listen);
      complete();
    };
    stdin.on("data", listen);
    stdin.resume();
  });
}
