/** Whether agents use the repository's own settings, with what that allows. */
import type { RepositorySettings } from "@samovar/contracts";

export function RepositorySettingsField({ settings }: { readonly settings: RepositorySettings }) {
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="pb-1 text-small font-medium text-ink-2">Agents</legend>
      <label className="flex items-start gap-2 text-ui pointer-coarse:min-h-11">
        <input
          type="checkbox"
          name="repositorySettings"
          defaultChecked={settings === "used"}
          className="mt-1 size-4 shrink-0 accent-accent"
        />
        <span>
          The repository's agent settings
          <span className="block text-small text-ink-3">
            Agents use the hooks, MCP servers, plugins and permissions that the repository configures, which can start
            programs in the workspace. The model's address and key stay Samovar's.
          </span>
        </span>
      </label>
    </fieldset>
  );
}
