/** The control plane as the CLI reaches it: with an API token, as patiently as its transport. */
import type { Random } from "@samovar/base";
import { ApiClient, type ApiPort } from "@samovar/client/api-client";
import { CliError } from "./errors.ts";
import { call, download, type Endpoint, rulesOf, type Transport } from "./http.ts";

export class SamovarClient extends ApiClient implements Endpoint {
  readonly url: string;
  readonly token: string;

  /** Each call goes to where `transport` finds Samovar then; `endpoint` is where it was found first. */
  constructor({ url, token }: Endpoint, random: Random, transport: Transport) {
    super(portOver(transport), random);
    this.url = url;
    this.token = token;
  }
}

function portOver(transport: Transport): ApiPort {
  return {
    call: (path, schema, sent, { takesLong = false }) =>
      transport((attempt) => call(attempt, path, schema, sent), rulesOf(sent, takesLong)),
    download: (path, maxBytes) => transport((attempt) => download(attempt, path, maxBytes), rulesOf({}, true)),
    toError: (message) => new CliError(message, "Try again."),
  };
}
