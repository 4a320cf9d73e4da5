/** An installation with a browser, and between them a proxy that can break open connections: for journeys through the page. */
import { type FaultProxy, startFaultProxy } from "@samovar/testing";
import { type Installation, removeDirectory, startInstallation } from "./installation.ts";
import { launchBrowser, type PersonsBrowser } from "./browser.ts";
import { Person } from "./person.ts";

export interface Stage {
  readonly here: Installation;
  /** The same person at the API, bypassing the proxy. */
  readonly person: Person;
  readonly browser: PersonsBrowser;
  readonly proxy: FaultProxy;
  stop(): Promise<void>;
}

export async function startStage(env: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const here = await startInstallation({ env });
  const proxy = await startFaultProxy({ target: here.url });
  const browser = await launchBrowser({ url: here.pageUrl, through: proxy.url });
  return {
    here,
    person: new Person(() => here),
    browser,
    proxy,
    async stop() {
      await browser.close();
      await proxy.close();
      await here.stop();
      await removeDirectory(here.dataDir);
    },
  };
}
