/** A question before something that cannot be taken back. */
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";

interface ConfirmDialogProps {
  readonly title: string;
  readonly consequence: string;
  readonly yes: string;
  readonly no: string;
  readonly fault?: string | null;
  readonly onAnswer: (yes: boolean) => void;
}

export function ConfirmDialog({ title, consequence, yes, no, fault = null, onAnswer }: ConfirmDialogProps) {
  return (
    <Dialog title={title} description={consequence} className="max-w-110" onClose={() => onAnswer(false)}>
      <p role="alert" className="px-5 pt-2 text-small text-failed empty:hidden">
        {fault}
      </p>
      <div className="flex flex-wrap justify-end gap-2 px-5 py-4">
        <Button onClick={() => onAnswer(false)}>{no}</Button>
        <Button kind="danger" onClick={() => onAnswer(true)}>
          {yes}
        </Button>
      </div>
    </Dialog>
  );
}
