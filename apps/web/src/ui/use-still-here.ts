/** Whether the page is still where a request was made: its response must not navigate away a person who has moved on. */
import { useRouter } from "@tanstack/react-router";

/** Marks the place when called; the returned function says later whether the page is still there. A fragment or a panel is the same place. */
export function useStillHere(): () => () => boolean {
  const router = useRouter();
  return () => {
    const { pathname } = router.latestLocation;
    return () => router.latestLocation.pathname === pathname;
  };
}
