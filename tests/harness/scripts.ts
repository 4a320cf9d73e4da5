/** Builds texts for the script agent from steps. */

const step = (head: string, body = "") => `\`\`\`${head}\n${body === "" ? "" : `${body}\n`}\`\`\`\n`;

export const say = (text: string) => step("say", text);
export const sh = (command: string, options = "") => step(`sh ${options}`.trim(), command);
export const write = (path: string, text: string) => step(`write ${path}`, text);
export const hang = () => step("hang");
export const crash = (reason: string) => step("crash", reason);
/** `everyMs`: the pause between chunks. */
export const stream = (words: number, everyMs = 0) =>
  step(`stream ${words}${everyMs === 0 ? "" : ` every=${everyMs}ms`}`);

/** A task with more than forty messages and an answer of 2,000 words. `n` makes it unique. */
export function longTask(n: number): string {
  const steps = Array.from({ length: 19 }, (_, step) => [say(`Message ${step}`), sh(`echo ${step}`)]).flat();
  return script(`Long ${n}`, ...steps, stream(2000), write(`long-${n}.txt`, String(n)));
}

export const script = (title: string, ...steps: readonly string[]) => `${title}\n\n${steps.join("\n")}`;
