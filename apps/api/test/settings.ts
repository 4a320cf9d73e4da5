/** Settings of the tests. The keys were made for them and guard nothing. */
export const TEST_SETTINGS = {
  INSTALLATION_ID: "test-installation",
  PUBLIC_URL: "http://samovar.test",
  OPERATOR_SECRET: "operator-secret-of-the-tests-0123456789",
  SIGNING_KEY: JSON.stringify({
    kid: "test-key",
    crv: "Ed25519",
    d: "B173jo9-v9QuGn5qsSWftp7hdVPWY5d0lULFcFs5fv0",
    x: "YwgFNFn0JsfyMypCXKtz9warcFHOEhugz_tRIaExkq4",
    kty: "OKP",
  }),
  CREDENTIALS_KEY: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
  AGENT_RELEASE: JSON.stringify({ version: "0.1.0", path: "/agent/vm-agent.cjs", sha256: "0".repeat(64) }),
  HETZNER_API_URL: "http://127.0.0.1:9/v1",
  DIGITALOCEAN_API_URL: "http://127.0.0.1:9/v2",
  DEFAULT_AGENT: "script",
  SESSION_STOP_TIMEOUT_MS: "500",
  DRAIN_TIMEOUT_MS: "500",
  // Many tests share one address.
  WRONG_SECRETS_PER_MINUTE: "100000",
  SETUPS_PER_MINUTE: "100000",
  LOG_LEVEL: "error",
};
