/** A calm page with one thing on it. */
import type { ReactNode } from "react";

export function Centered({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <main className="flex min-h-full items-center justify-center p-4">
      <div className="flex w-full max-w-100 flex-col gap-3 rounded-xl border border-hairline bg-raised p-6 text-ui">
        <h1 className="text-page font-semibold">{title}</h1>
        {children}
      </div>
    </main>
  );
}

export function Command({ children }: { readonly children: string }) {
  return <code className="rounded bg-inset px-1.5 py-0.5 font-mono text-code">{children}</code>;
}
