/** What belongs to the person: settings, theme, the way out. */
import type { MeView } from "@samovar/contracts";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CircleUser } from "lucide-react";
import { signOut } from "../../api/commands.ts";
import { useActions } from "../../shortcuts/actions.tsx";
import { IconButton } from "../../ui/button.tsx";
import { Menu } from "../../ui/menu.tsx";
import { readTheme, THEMES, useTheme } from "../settings/theme.ts";

export function PersonMenu({ me }: { readonly me: MeView }) {
  const [theme, setTheme] = useTheme();
  const navigate = useNavigate();
  const actions = useActions();
  // A fresh page forgets everything that it had read.
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => location.assign("/") });
  return (
    <Menu
      trigger={
        <IconButton label={`${me.name}: menu`}>
          <CircleUser size={18} aria-hidden="true" />
        </IconButton>
      }
      entries={[
        { kind: "action", label: "Settings", hint: "G S", onSelect: () => void navigate({ to: "/settings" }) },
        {
          kind: "action",
          label: "Keyboard shortcuts",
          hint: "?",
          onSelect: () => void actions.getState().perform("help"),
        },
        { kind: "line" },
        {
          kind: "choices",
          name: "Theme",
          value: theme,
          choices: THEMES,
          onChoose: (value) => setTheme(readTheme(value)),
        },
        { kind: "line" },
        { kind: "action", label: "Sign out", onSelect: () => leave.mutate() },
      ]}
    />
  );
}
