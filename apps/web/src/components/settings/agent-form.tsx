/** The form of an agent of one's own: its program, its arguments, its environment, its secrets' names. */
import { agentDefinition, type AgentDefinition } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { agentsKey } from "../../data/keys.ts";
import { putAgent } from "../../data/settings.ts";
import { Button } from "../../ui/button.tsx";
import { messageOf } from "../../ui/error-panel.tsx";
import { Field } from "../../ui/field.tsx";
import { readAgentForm } from "./read-agent-form.ts";

export function AgentForm({ onDone }: { readonly onDone: () => void }) {
  const client = useQueryClient();
  const [fault, setFault] = useState<string | null>(null);
  const save = useMutation({
    mutationFn: (definition: AgentDefinition) => putAgent(definition),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: agentsKey });
      onDone();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const checked = agentDefinition.safeParse(readAgentForm(new FormData(event.currentTarget)));
    const issue = checked.error?.issues[0];
    setFault(issue === undefined ? null : `${issue.path.join(" ") || "This"}: ${issue.message}`);
    if (checked.success) save.mutate(checked.data);
  };
  const said = fault ?? (save.isError ? messageOf(save.error) : null);
  return (
    <form
      noValidate
      aria-label="Add an agent"
      onSubmit={submit}
      className="flex flex-col gap-4 rounded-xl border border-hairline bg-raised p-4"
    >
      <Field
        label="Short name"
        name="kind"
        autoComplete="off"
        spellCheck={false}
        placeholder="qwen"
        hint="How tasks name it."
      />
      <Field label="Name" name="name" autoComplete="off" placeholder="Qwen Code" />
      <Field
        label="Program"
        name="program"
        autoComplete="off"
        spellCheck={false}
        className="font-mono"
        placeholder="npm:@qwen-code/qwen-code@0.24.4#qwen"
        hint="A program of the machine, or npm:<package>@<version>#<program>."
      />
      <Field
        label="Arguments"
        name="args"
        autoComplete="off"
        spellCheck={false}
        className="font-mono"
        placeholder="--acp"
        hint="Separated by spaces."
      />
      <Field
        label="Environment"
        name="env"
        autoComplete="off"
        spellCheck={false}
        className="font-mono"
        placeholder="LOG_LEVEL=warn"
        hint="NAME=value, separated by spaces. Nothing secret: secrets are credentials."
      />
      <Field
        label="Secret variables"
        name="secretEnv"
        autoComplete="off"
        spellCheck={false}
        className="font-mono"
        placeholder="OPENAI_API_KEY"
        hint="Their names; store the values on the Credentials page afterwards."
      />
      <p role="alert" className="text-small text-failed empty:hidden">
        {said}
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
