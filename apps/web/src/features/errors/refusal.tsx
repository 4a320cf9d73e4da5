/** Why something was not done, and the way to the page on which that can be put right. */
import { Link } from "@tanstack/react-router";
import { getSettingsPath } from "./settings-path.ts";
import { getErrorMessage } from "./error-panel.tsx";
import { visibleText } from "../../lib/visible-text.ts";

export function Refusal({ what, error }: { readonly what?: string; readonly error: unknown }) {
  const settings = getSettingsPath(error);
  return (
    <p role="alert" className="text-small wrap-anywhere text-failed">
      {what} {visibleText(getErrorMessage(error))}
      {settings !== null && (
        <>
          {" "}
          <Link to={settings} className="underline">
            Open settings
          </Link>
        </>
      )}
    </p>
  );
}
