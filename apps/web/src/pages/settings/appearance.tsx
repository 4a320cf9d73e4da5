/** How the page looks and which keys it takes, in this browser. */
import { SingleKeySetting } from "../../shortcuts/shortcut-help.tsx";
import { readTheme, THEMES, useTheme } from "../../features/settings/theme.ts";
import { useTitle } from "../../ui/use-title.ts";

export function AppearanceSettings() {
  useTitle("Appearance");
  const [theme, setTheme] = useTheme();
  return (
    <>
      <h1 className="text-page font-semibold">Appearance</h1>
      <p className="text-ui text-ink-2">These settings apply to this browser and take effect immediately.</p>
      <fieldset className="flex flex-col gap-2 text-ui">
        <legend className="pb-2 font-medium">Theme</legend>
        {THEMES.map(({ value, label }) => (
          <label key={value} className="flex min-h-8 items-center gap-2 pointer-coarse:min-h-11">
            <input
              type="radio"
              name="theme"
              value={value}
              checked={theme === value}
              onChange={(event) => setTheme(readTheme(event.target.value))}
              className="size-4 accent-accent"
            />
            {label}
          </label>
        ))}
      </fieldset>
      <section className="flex flex-col gap-2">
        <h2 className="text-ui font-medium">Keyboard shortcuts</h2>
        <SingleKeySetting />
      </section>
    </>
  );
}
