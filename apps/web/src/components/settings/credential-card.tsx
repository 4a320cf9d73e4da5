/** One credential: whether it is stored, and the form that puts another in its place. */
import type { CredentialView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { agentsKey, credentialsKey } from "../../data/keys.ts";
import { deleteCredential, putCredential } from "../../data/settings.ts";
import { Button } from "../../ui/button.tsx";
import { messageOf } from "../../ui/error-panel.tsx";
import { Field } from "../../ui/field.tsx";
import { Ago } from "../../ui/moment.tsx";
import { visibleText } from "../transcript/visible-text.ts";
import { secretOf, type CredentialForm } from "./credential-forms.ts";

interface CredentialCardProps {
  readonly form: CredentialForm;
  /** Null when there is none yet. */
  readonly stored: CredentialView | null;
}

export function CredentialCard({ form, stored }: CredentialCardProps) {
  const [editing, setEditing] = useState(false);
  const again = useForget();
  const remove = useMutation({ mutationFn: () => deleteCredential(form.kind), onSuccess: again });
  return (
    <section
      aria-label={form.title}
      className="flex flex-col gap-2 rounded-xl border border-hairline bg-raised p-4 text-ui"
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h2 className="text-title font-semibold">{visibleText(form.title)}</h2>
        <Stored stored={stored} />
        {!editing && (
          <span className="ms-auto flex gap-2">
            {form.fields.length > 0 && (
              <Button onClick={() => setEditing(true)}>{stored === null ? "Add" : "Replace"}</Button>
            )}
            {stored !== null && (
              <Button kind="quiet" disabled={remove.isPending} onClick={() => remove.mutate()}>
                Remove
              </Button>
            )}
          </span>
        )}
      </div>
      <p className="text-ink-2">{form.about}</p>
      {remove.isError && (
        <p role="alert" className="text-small text-failed">
          {messageOf(remove.error)}
        </p>
      )}
      {editing && <SecretForm form={form} onDone={() => setEditing(false)} />}
    </section>
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
    mutationFn: (data: FormData) => putCredential(form.kind, secretOf(form, data)),
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
      {form.fields.map(({ name, label, secret, hint }) => (
        <Field
          key={name}
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
        {save.isError && messageOf(save.error)}
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
