/**
 * Set-up of tests that start processes: when coverage is measured, Node passes this variable to every child process,
 * even through a clean environment, and each writes its coverage when it ends.
 */
if (process.env["SAMOVAR_PROCESS_COVERAGE"] !== undefined)
  process.env["NODE_V8_COVERAGE"] = process.env["SAMOVAR_PROCESS_COVERAGE"];
