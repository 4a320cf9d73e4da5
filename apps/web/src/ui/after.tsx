/** Shows its content only after a while, so that what comes at once brings no flicker. */
import { useEffect, useState, type ReactNode } from "react";

const SKELETON_AFTER_MS = 150;

export function After({
  delayMs = SKELETON_AFTER_MS,
  children,
}: {
  readonly delayMs?: number;
  readonly children: ReactNode;
}) {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setDue(true), delayMs);
    return () => clearTimeout(timer);
  }, [delayMs]);
  return due ? children : null;
}
