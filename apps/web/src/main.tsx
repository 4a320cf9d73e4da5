/** The page's outermost shell: makes the stores and mounts the router. */
import "./zod-without-eval.ts";
import "./styles/app.css";
import { invariant } from "@samovar/base";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { AppStateContext } from "./data/app-state.tsx";
import * as commands from "./data/commands.ts";
import { browserKept } from "./data/kept-text.ts";
import { createLiveStore } from "./data/live/store.ts";
import { createQueryClient } from "./data/query-client.ts";
import { createSubmissions } from "./data/submissions.ts";
import { ActionsContext, createActions } from "./keys/actions.tsx";
import { createPageRouter } from "./router.tsx";

const root = document.getElementById("root");
invariant(root !== null, "index.html has no #root");

const state = {
  live: createLiveStore(),
  submissions: createSubmissions({ send: commands.createTask, kept: browserKept("submissions") }),
};

const actions = createActions();
const client = createQueryClient();
const router = createPageRouter({ client });

// What the address shows is asked for before the first render, not after it.
void router.load();

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <AppStateContext value={state}>
        <ActionsContext value={actions}>
          <RouterProvider router={router} />
        </ActionsContext>
      </AppStateContext>
    </QueryClientProvider>
  </StrictMode>,
);
