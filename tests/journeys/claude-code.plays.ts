/** What the scripted model plays to Claude Code: a conversation for each journey, known by its task's text. */
import { join } from "node:path";
import type { ScriptedToolUse, ScriptedTurn } from "@samovar/testing";

export const ANSWER = Array.from({ length: 120 }, (_, i) => `word${i}`).join(" ");
/** A thousand chunks. */
export const LONG_ANSWER = Array.from({ length: 1000 }, (_, i) => `${i === 0 ? "" : " "}leaf${i}`);
/** More than a message may hold. */
export const ENDLESS = Array.from({ length: 400 }, (_, i) => `${String(i).padStart(4, "0")}${"x".repeat(1019)}\n`);

const bash = (command: string, more: object = {}): ScriptedToolUse => ({
  name: "Bash",
  input: { command, description: "A command", ...more },
});
const write = (path: string, content: string): ScriptedToolUse => ({
  name: "Write",
  input: { file_path: path, content },
});
/** Claude refuses to sleep for long in the foreground. */
const waitFor = (path: string): string => `until [ -e '${path}' ]; do sleep 0.1; done`;

/** Claude Code may insert a message for the interrupted answer, so that the script is one turn ahead. */
const resumed = (path: string): readonly ScriptedTurn[] => [
  { text: "After it.", toolUse: write(path, "resumed\n") },
  { text: "After it.", toolUse: write(path, "resumed\n") },
  { text: "Done again." },
  { text: "Done again." },
];

/** `marks`: a directory through which commands and the test signal each other. */
export function plays(marks: string): Record<string, readonly ScriptedTurn[]> {
  const mark = (name: string) => join(marks, name);
  const begin = (name: string) => bash(`echo begun >> '${mark(name)}'; ${waitFor(mark(`${name}-go`))}; echo over`);
  return {
    "Greet in tea": [
      { text: ["I will greet in tea.", " First the file."], toolUse: write("hello.txt", "hello tea\n") },
      { toolUse: bash("cat hello.txt && env && echo brewed") },
      { text: ANSWER.split(/(?= )/) },
    ],
    "Fail a command": [
      { toolUse: bash("echo no water; exit 3") },
      { text: "The command failed; I went on.", toolUse: write("after.txt", "after\n") },
      { text: "Done in spite of it." },
    ],
    "Say very much": [{ toolUse: bash("seq 1 200000") }, { text: ENDLESS }],
    "Stream a thousand": [{ text: LONG_ANSWER }],
    "Be cancelled": [{ text: "Before.", toolUse: begin("cancel") }, { text: "never" }],
    "Crash whole": [{ text: "Before the crash.", toolUse: begin("whole") }, ...resumed("whole.txt")],
    "Lose the model": [{ text: "Before the loss.", toolUse: begin("child") }, ...resumed("child.txt")],
    "Ask for leave": [
      { toolUse: write("inside.txt", "inside\n") },
      { toolUse: write(mark("outside.txt"), "outside\n") },
      { toolUse: bash("echo leave was given") },
      { text: "I asked each time." },
    ],
    "Plan first": [
      {
        text: "A plan.",
        toolUse: {
          name: "TodoWrite",
          input: {
            todos: [
              { content: "Warm the pot", status: "in_progress", activeForm: "Warming the pot" },
              { content: "Pour", status: "pending", activeForm: "Pouring" },
            ],
          },
        },
      },
      { toolUse: { name: "ExitPlanMode", input: { plan: "1. Warm the pot\n2. Pour" } } },
      { toolUse: write("planned.txt", "poured\n") },
      { text: "As planned." },
    ],
    "Work behind the turn": [
      { toolUse: bash(`${waitFor(mark("behind-go"))}; echo steeped >> steeped.txt`, { run_in_background: true }) },
      { text: "It runs in the background.", toolUse: bash(`echo notified >> '${mark("behind")}'`) },
      { text: "I will be notified when it ends." },
      { text: "The background work is done." },
      { text: "Really." },
    ],
    "Choose a model": [{ text: "I am who you wished for." }],
    "Spend on tea": [
      { text: "A costly answer before the command.", toolUse: bash("echo looked") },
      { toolUse: bash(`touch '${mark("spent")}'`) },
      { text: "Spent." },
    ],
    "Serve the tea": [{ text: "Served." }],
    "Be overloaded": [{ text: "never", refuse: { status: 400, times: 100 } }],
  };
}
