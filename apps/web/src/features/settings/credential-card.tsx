/** One credential: whether it is stored, and the form that puts another in its place. */
import type { CredentialCheck, CredentialView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { clsx } from "clsx";
import { CircleCheck, CircleHelp, OctagonX } from "lucide-react";
import { useState, type FormEvent } from "react";
import { agentsKey, credentialsKey } from "../../api/query-keys.ts";
import { deleteCredential, putCredential, validateCredential } from "../../api/settings.ts";
import { Button } from "../../ui/button.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { Field } from "../../ui/field.tsx";
import { Ago } from "../../ui/moment.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { toSecret, type CredentialForm } from "./credential-forms.ts";

interface CredentialCardProps {
  readonly form: CredentialForm;
  /** Null when there is none yet. */
  readonly stored: CredentialView | null;
}

export function CredentialCard({ form, stored }: CredentialCardProps) {
  const [editing, setEditing] = useState(false);
  const again = useForget();
  const check = useMutation({ mutationFn: () => validateCredential(form.kind) });
  const remove = useMutation({
    mutationFn: () => deleteCredential(form.kind),
    onSuccess: async () => {
      check.reset();
      await again();
    },
  });
  return (
    <section
      id={form.kind}
      aria-label={form.title}
      className="flex scroll-mt-8 flex-col gap-2 rounded-xl border border-hairline bg-raised p-4 text-ui target:border-accent"
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <h2 className="text-title font-semibold">{visibleText(form.title)}</h2>
        <Stored stored={stored} />
        {!editing && (
          <span className={clsx("flex flex-wrap gap-2", stored === null ? "ms-auto" : "tablet:ms-auto")}>
            {stored !== null && (
              <Button aria-label={`Check ${form.title}`} disabled={check.isPending} onClick={() => check.mutate()}>
                {check.isPending ? "Checking…" : "Check"}
              </Button>
            )}
            {form.fields.length > 0 && (
              <Button
                aria-label={`${stored === null ? "Add" : "Replace"} ${form.title}`}
                onClick={() => {
                  check.reset();
                  setEditing(true);
                }}
              >
                {stored === null ? "Add" : "Replace"}
              </Button>
            )}
            {stored !== null && (
              <Button
                kind="quiet"
                aria-label={`Remove ${form.title}`}
                disabled={remove.isPending}
                onClick={() => remove.mutate()}
              >
                Remove
              </Button>
            )}
          </span>
        )}
      </div>
      <p className="text-ink-2">{form.about}</p>
      <div role="status" className="empty:hidden">
        {check.isSuccess && <Checked check={check.data} />}
        {check.isError && <p className="text-small text-failed">Couldn't check it: {getErrorMessage(check.error)}</p>}
      </div>
      {remove.isError && (
        <p role="alert" className="text-small text-failed">
          {getErrorMessage(remove.error)}
        </p>
      )}
      {editing && <SecretForm form={form} onDone={() => setEditing(false)} />}
    </section>
  );
}

/** Valid, invalid or unknown: by shape and word. */
function Checked({ check: { ok, message } }: { readonly check: CredentialCheck }) {
  const Icon = ok === null ? CircleHelp : ok ? CircleCheck : OctagonX;
  return (
    <p className={clsx("flex gap-1.5 text-small", ok === null ? "text-working" : ok ? "text-done" : "text-failed")}>
      <Icon size={15} className="mt-0.5 shrink-0" aria-hidden="true" />
      <span className="min-w-0 wrap-anywhere">{visibleText(message)}</span>
    </p>
  );
}

function Stored({ stored }: { readonly stored: CredentialView | null }) {
  if (stored === null) return <span className="text-small text-ink-3">Not stored</span>;
  return (
    <span className="text-small text-ink-2">
      Stored <Ago at={stored.createdAt} />
      {stored.hint !== "" && (
        <>
          , <code className="font-mono text-code">{visibleText(stored.hint)}</code>
        </>
      )}
    </span>
  );
}

function SecretForm({ form, onDone }: { readonly form: CredentialForm; readonly onDone: () => void }) {
  const again = useForget();
  const save = useMutation({
    mutationFn: (data: FormData) => putCredential(form.kind, toSecret(form, data)),
    onSuccess: async () => {
      await again();
      onDone();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(new FormData(event.currentTarget));
  };
  return (
    <form noValidate aria-label={`${form.title} credential`} onSubmit={submit} className="flex flex-col gap-3 pt-1">
      {form.fields.map(({ name, label, secret, hint }, index) => (
        <Field
          key={name}
          autoFocus={index === 0}
          label={label}
          name={name}
          type={secret ? "password" : "text"}
          autoComplete="off"
          spellCheck={false}
          className="font-mono"
          {...(hint === undefined ? {} : { hint })}
        />
      ))}
      <p role="alert" className="text-small text-failed empty:hidden">
        {save.isError && getErrorMessage(save.error)}
      </p>
      <div className="flex gap-2">
        <Button type="submit" kind="primary" disabled={save.isPending}>
          {save.isPending ? "Saving…" : "Save"}
        </Button>
        <Button kind="quiet" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** What depends on credentials is read again. */
function useForget(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await Promise.all([
      client.invalidateQueries({ queryKey: credentialsKey }),
      client.invalidateQueries({ queryKey: agentsKey }),
    ]);
  };
}
