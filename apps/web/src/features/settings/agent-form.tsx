/** The form of a custom agent: its program, arguments, environment, and the names of its secrets. */
import { agentDefinition, type AgentDefinition } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { agentsKey } from "../../api/query-keys.ts";
import { putAgent } from "../../api/settings.ts";
import { Button } from "../../ui/button.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { Field } from "../../ui/field.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { readAgentForm, writeAgentForm } from "./read-agent-form.ts";

interface AgentFormProps {
  /** Null for a new one. */
  readonly definition: AgentDefinition | null;
  readonly onDone: () => void;
}

export function AgentForm({ definition, onDone }: AgentFormProps) {
  const client = useQueryClient();
  const [fault, setFault] = useState<string | null>(null);
  const save = useMutation({
    mutationFn: (changed: AgentDefinition) => putAgent(changed),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: agentsKey });
      onDone();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const checked = agentDefinition.safeParse(readAgentForm(new FormData(event.currentTarget), definition));
    const issue = checked.error?.issues[0];
    setFault(issue === undefined ? null : `${issue.path.join(" ") || "This"}: ${issue.message}`);
    if (checked.success) save.mutate(checked.data);
  };
  const said = fault ?? (save.isError ? getErrorMessage(save.error) : null);
  return (
    <form
      noValidate
      aria-label={definition === null ? "Add agent" : `Edit ${definition.name}`}
      onSubmit={submit}
      className="flex flex-col gap-4 rounded-xl border border-hairline bg-raised p-4"
    >
      <Fields definition={definition} />
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

const CODE = { autoComplete: "off", autoCapitalize: "off", spellCheck: false, className: "font-mono" } as const;

function Fields({ definition }: Pick<AgentFormProps, "definition">) {
  const written = definition === null ? null : writeAgentForm(definition);
  return (
    <>
      {definition === null && (
        <Field
          label="Short name"
          name="kind"
          {...CODE}
          autoFocus
          placeholder="qwen"
          hint="Tasks use it to choose this agent."
        />
      )}
      <Field
        label="Name"
        name="name"
        autoComplete="off"
        autoFocus={definition !== null}
        maxLength={100}
        placeholder="Qwen Code"
        defaultValue={definition?.name}
      />
      <Field
        label="Description"
        name="description"
        autoComplete="off"
        maxLength={500}
        placeholder="Optional"
        defaultValue={definition?.description}
      />
      <Field
        label="Program"
        name="program"
        {...CODE}
        placeholder="npm:@qwen-code/qwen-code@0.24.4#qwen"
        hint="A program on the node, or npm:<package>@<version>#<program>."
        defaultValue={written?.program}
      />
      <TextField label="Arguments" name="args" placeholder="--acp" hint="One per line." defaultValue={written?.args} />
      <TextField
        label="Environment"
        name="env"
        placeholder="LOG_LEVEL=warn"
        hint="NAME=value, one per line. Don't put secrets here; store them as credentials."
        defaultValue={written?.env}
      />
      <Field
        label="Secret variables"
        name="secretEnv"
        {...CODE}
        placeholder="OPENAI_API_KEY"
        hint="Names only. Store the values on the Credentials page afterwards."
        defaultValue={written?.secretEnv}
      />
    </>
  );
}
