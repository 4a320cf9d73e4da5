/** The CLI's entry in TypeScript, for Node 24. `bin/samovar` starts faster, and works with any Node. */
import "../bin/samovar.mjs";
