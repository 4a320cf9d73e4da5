/** The page that `samovar login URL` opens: a person compares the code and answers. */
import { userCode } from "@samovar/contracts";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { DeviceLogin } from "../features/settings/device-login.tsx";
import { Button } from "../ui/button.tsx";
import { Centered } from "../ui/centered.tsx";
import { Field } from "../ui/field.tsx";
import { useTitle } from "../ui/use-title.ts";

const route = getRouteApi("/signed-in/connect");

export function Connect() {
  useTitle("Sign in a command line");
  const { code } = route.useSearch();
  const navigate = route.useNavigate();
  const show = (next: string | undefined) => void navigate({ search: next === undefined ? {} : { code: next } });
  return (
    <Centered title="Sign in a command line">
      {code === undefined ? (
        <CodeForm onCode={show} />
      ) : (
        <DeviceLogin key={code} code={code} onOtherCode={() => show(undefined)} />
      )}
    </Centered>
  );
}

function CodeForm({ onCode }: { readonly onCode: (code: string) => void }) {
  const [text, setText] = useState("");
  const [fault, setFault] = useState<string>();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const parsed = userCode.safeParse(text);
    if (parsed.success) onCode(parsed.data);
    else setFault(parsed.error.issues[0]?.message);
  };
  return (
    <form className="flex flex-col gap-3" onSubmit={submit}>
      <p className="text-ink-2">Enter the code that the terminal shows.</p>
      <Field
        label="Code"
        className="font-mono uppercase"
        autoFocus
        autoComplete="off"
        spellCheck={false}
        placeholder="BCDF-GHJK"
        value={text}
        fault={fault}
        onChange={(event) => setText(event.target.value)}
      />
      <Button kind="primary" type="submit">
        Continue
      </Button>
    </form>
  );
}
