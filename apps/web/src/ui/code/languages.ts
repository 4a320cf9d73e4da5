/** Which of our twelve languages a fence or a file is written in. */

const LANGUAGES = [
  "bash",
  "css",
  "diff",
  "go",
  "javascript",
  "json",
  "python",
  "rust",
  "sql",
  "typescript",
  "xml",
  "yaml",
] as const;

export type Language = (typeof LANGUAGES)[number];

const NAMES: Readonly<Record<string, Language>> = {
  sh: "bash",
  shell: "bash",
  zsh: "bash",
  console: "bash",
  dockerfile: "bash",
  makefile: "bash",
  scss: "css",
  less: "css",
  patch: "diff",
  golang: "go",
  js: "javascript",
  cjs: "javascript",
  mjs: "javascript",
  jsx: "javascript",
  jsonc: "json",
  json5: "json",
  py: "python",
  rs: "rust",
  ts: "typescript",
  cts: "typescript",
  mts: "typescript",
  tsx: "typescript",
  html: "xml",
  htm: "xml",
  svg: "xml",
  vue: "xml",
  yml: "yaml",
};

/** Of a fence's info string; null for a language that is not among ours. */
export function findLanguage(info: string): Language | null {
  const name =
    info
      .trim()
      .split(/[\s{,]/, 1)[0]
      ?.toLowerCase() ?? "";
  return LANGUAGES.find((language) => language === name) ?? (Object.hasOwn(NAMES, name) ? (NAMES[name] ?? null) : null);
}

/** Of a file, by its name. */
export function getPathLanguage(path: string): Language | null {
  const name = path.split(/[\\/]/).at(-1) ?? "";
  return findLanguage(name.includes(".") ? (name.split(".").at(-1) ?? "") : name);
}
