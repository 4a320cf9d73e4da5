/** The clients' route types as the control plane's description of today makes them. */
import { byteRouters, createApp, deliveryRouters, nodeRouters } from "../src/app.ts";
import { describeApi } from "../src/http/openapi.ts";
import { writeRouteTypes } from "../src/http/route-types.ts";

export function routeTypes(): string {
  const ofNodes = new Set(
    [...byteRouters(), ...deliveryRouters(), ...nodeRouters()].flatMap((router) =>
      router.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`),
    ),
  );
  return writeRouteTypes(describeApi(createApp()), (route) => !ofNodes.has(route));
}
