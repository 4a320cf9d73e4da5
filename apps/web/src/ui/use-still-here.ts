/** Whether one is still where one asked for something: its answer must not take somebody away who has gone on reading elsewhere. */
import { useRouter } from "@tanstack/react-router";

/** Marks the place when called; what it answers tells later whether one is there still. A fragment or a panel is the same place. */
export function useStillHere(): () => () => boolean {
  const router = useRouter();
  return () => {
    const { pathname } = router.latestLocation;
    return () => router.latestLocation.pathname === pathname;
  };
}
