/** The page's outermost shell: makes the stores and mounts the router. */
import "./zod-without-eval.ts";
import "./styles/app.css";
import { invariant } from "@samovar/base";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import * as commands from "./api/commands.ts";
import { openBrowserText } from "./lib/stored-text.ts";
import { createLiveStore } from "./api/live/store.ts";
import { LiveStoreContext } from "./api/live/use-live-store.ts";
import { createQueryClient } from "./api/query-client.ts";
import { createSubmissions } from "./features/composer/submissions.ts";
import { SubmissionsContext } from "./features/composer/use-submissions.ts";
import { ActionsContext, createActions } from "./shortcuts/actions.tsx";
import { createPageRouter } from "./router.tsx";

const root = document.getElementById("root");
invariant(root !== null, "index.html has no #root");

const live = createLiveStore();
const submissions = createSubmissions({ send: commands.createTask, kept: openBrowserText("submissions") });
const actions = createActions();
const client = createQueryClient();
const router = createPageRouter({ client });

// What the address shows is asked for before the first render, not after it.
void router.load();

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <LiveStoreContext value={live}>
        <SubmissionsContext value={submissions}>
          <ActionsContext value={actions}>
            <RouterProvider router={router} />
          </ActionsContext>
        </SubmissionsContext>
      </LiveStoreContext>
    </QueryClientProvider>
  </StrictMode>,
);
