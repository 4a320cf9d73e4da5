/** A command line that asks to sign in, with the buttons to approve or deny it. */
import type { DeviceLoginView } from "@samovar/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answerDeviceLogin, deviceLoginQuery } from "../../api/access.ts";
import { deviceLoginKey } from "../../api/query-keys.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { Button } from "../../ui/button.tsx";
import { Ago } from "../../ui/moment.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { ErrorPanel, getErrorMessage } from "../errors/error-panel.tsx";

interface DeviceLoginProps {
  readonly code: string;
  readonly onOtherCode: () => void;
}

export function DeviceLogin({ code, onOtherCode }: DeviceLoginProps) {
  const asked = useQuery(deviceLoginQuery(code));
  if (asked.isPending) return <Skeleton label="Loading the request" lines={[100, 60]} />;
  if (asked.isError)
    return (
      <>
        <ErrorPanel
          what={`The code ${code} cannot be used.`}
          error={asked.error}
          onRetry={() => void asked.refetch()}
        />
        <Button onClick={onOtherCode}>Enter another code</Button>
      </>
    );
  return asked.data.status === "pending" ? <Question asked={asked.data} /> : <Answered asked={asked.data} />;
}

function Question({ asked }: { readonly asked: DeviceLoginView }) {
  const client = useQueryClient();
  const answer = useMutation({
    mutationFn: (approve: boolean) => answerDeviceLogin(asked.userCode, approve),
    onSuccess: (answered) => client.setQueryData(deviceLoginKey(asked.userCode), answered),
  });
  return (
    <>
      <p>
        <strong className="break-all">{visibleText(asked.name)}</strong> asks to act as you, from{" "}
        {visibleText(asked.address)}, <Ago at={asked.createdAt} />.
      </p>
      <p className="text-ink-2">Approve only if you have just started it and it shows this code:</p>
      <p className="rounded-md bg-inset py-3 text-center font-mono text-page tracking-widest">{asked.userCode}</p>
      <p className="text-ink-2">
        It can then do everything that you can, until you revoke its token in Settings, Access.
      </p>
      {answer.isError && (
        <p role="alert" className="text-failed">
          {getErrorMessage(answer.error)}
        </p>
      )}
      <div className="flex gap-2">
        <Button kind="primary" disabled={answer.isPending} onClick={() => answer.mutate(true)}>
          Approve
        </Button>
        <Button kind="danger" disabled={answer.isPending} onClick={() => answer.mutate(false)}>
          Deny
        </Button>
      </div>
    </>
  );
}

function Answered({ asked }: { readonly asked: DeviceLoginView }) {
  const name = visibleText(asked.name);
  return (
    <p role="status">
      {asked.status === "approved"
        ? `${name} is signed in. You can close this page and continue in the terminal.`
        : `${name} was denied. It cannot use this code again.`}
    </p>
  );
}
