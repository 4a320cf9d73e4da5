/** Keeps the mark before the tab's title while a page of the project is open. Renders nothing. */
import type { ProjectId } from "@samovar/base";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { sessionsQuery, tasksQuery } from "../../api/queries.ts";
import { useReadMarks } from "./read-marks.ts";
import { useTitleMark } from "../../ui/use-title.ts";
import { toTitleMark } from "./title-mark.ts";

export function ProjectMark({ project }: { readonly project: ProjectId }) {
  const { data: sessions } = useInfiniteQuery(sessionsQuery(project));
  const { data: tasks = [] } = useQuery(tasksQuery(project));
  const marks = useReadMarks();
  useTitleMark(toTitleMark(sessions?.pages.flatMap(({ items }) => items) ?? [], tasks, marks));
  return null;
}
