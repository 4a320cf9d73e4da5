/** The one place of a transcript that speaks by itself, politely and not too often. */
import type { MessageView } from "@samovar/contracts";
import { useEffect, useRef, useState } from "react";
import { getAnnouncement } from "./announcements.ts";

const QUIET_MS = 5_000;

export function Announcer({ messages }: { readonly messages: readonly MessageView[] }) {
  const [said, setSaid] = useState("");
  const before = useRef(messages);
  const pending = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => {
    pending.current = getAnnouncement(before.current, messages) ?? pending.current;
    before.current = messages;
    if (pending.current === null || timer.current !== null) return;
    const speak = () => {
      timer.current = null;
      if (pending.current === null) return setSaid("");
      setSaid(pending.current);
      pending.current = null;
      timer.current = setTimeout(speak, QUIET_MS);
    };
    speak();
  }, [messages]);
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );
  return (
    <p role="status" className="sr-only">
      {said}
    </p>
  );
}
