/** Characters that reorder or hide text are shown as marks, in the page as in the CLI. */
export { visibleText } from "@samovar/base";
