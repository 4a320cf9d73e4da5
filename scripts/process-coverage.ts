/**
 * Set-up of the tests that start processes: when coverage is asked for, Node passes this variable on to every process
 * below, also through a clean environment, and each writes what it ran when it ends.
 */
if (process.env["SAMOVAR_PROCESS_COVERAGE"] !== undefined)
  process.env["NODE_V8_COVERAGE"] = process.env["SAMOVAR_PROCESS_COVERAGE"];
