/** The control plane's client in the CLI: uses an API token, and retries as its transport does. */
import type { Random } from "@samovar/base";
import { ApiClient, type ApiPort } from "@samovar/client/api-client";
import { CliError } from "./errors.ts";
import { call, download, type Endpoint, getRules, type Transport } from "./http.ts";

export class SamovarClient extends ApiClient implements Endpoint {
  readonly url: string;
  readonly token: string;

  /** `transport` finds Samovar's address for each call; `endpoint` is the first one. */
  constructor({ url, token }: Endpoint, random: Random, transport: Transport) {
    super(createPort(transport), random);
    this.url = url;
    this.token = token;
  }
}

function createPort(transport: Transport): ApiPort {
  return {
    call: (path, schema, sent, { takesLong = false }) =>
      transport((attempt) => call(attempt, path, schema, sent), getRules(sent, takesLong)),
    download: (path, maxBytes) => transport((attempt) => download(attempt, path, maxBytes), getRules({}, true)),
    toError: (message) => new CliError(message, "Try again."),
  };
}
