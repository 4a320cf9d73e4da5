/** Settings: what belongs to the person and the installation, one page a subject. */
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

const PAGES = [
  { to: "/settings/agents", label: "Agents" },
  { to: "/settings/credentials", label: "Credentials" },
  { to: "/settings/budget", label: "Budget" },
  { to: "/settings/access", label: "Access" },
  { to: "/settings/audit-log", label: "Audit log" },
  { to: "/settings/appearance", label: "Appearance" },
  { to: "/settings/about", label: "About" },
] as const;

export function Settings() {
  const nav = useRef<HTMLElement>(null);
  const path = useLocation({ select: ({ pathname }) => pathname });
  // On a phone the row of pages is wider than the window.
  useEffect(() => {
    const current = nav.current?.querySelector(`[href="${path}"]`);
    current?.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
  }, [path]);
  return (
    <div className="flex min-h-0 flex-1 flex-col tablet:flex-row">
      <nav
        ref={nav}
        aria-label="Settings"
        className="flex shrink-0 gap-1 overflow-x-auto border-b border-hairline p-2 tablet:w-50 tablet:flex-col tablet:border-e tablet:border-b-0 tablet:p-3"
      >
        {PAGES.map(({ to, label }) => (
          <Link
            key={to}
            to={to}
            className="rounded-md px-2.5 py-1.5 text-ui whitespace-nowrap text-ink-2 hover:bg-inset hover:text-ink aria-[current=page]:bg-accent-tint aria-[current=page]:text-ink pointer-coarse:py-2.5"
            activeProps={{ "aria-current": "page" }}
          >
            {label}
          </Link>
        ))}
      </nav>
      <main className="min-h-0 flex-1 overflow-y-auto p-4 tablet:p-8">
        <div className="flex w-full max-w-170 flex-col gap-5">
          <Outlet />
        </div>
      </main>
    </div>
  );
}
