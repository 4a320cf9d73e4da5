import { expect, it } from "vitest";
import { getProjectView } from "./project-views.ts";

it.each([
  ["/p/prj_1", "chat"],
  ["/p/prj_1/", "chat"],
  ["/p/prj_1/new", "chat"],
  ["/p/prj_1/s/ses_1", "chat"],
  ["/p/prj_1/s/ses_1/text", "chat"],
  ["/p/prj_1/t/tsk_1", "chat"],
  ["/p/prj_1/board", "board"],
  // Ids that end as a view begins.
  ["/p/prj_1s/settings", null],
  ["/p/prj_new/settings", null],
  ["/p/prj_1/w/wsp_1", null],
  ["/nodes", null],
])("[R26] %s is the view %s", (pathname, view) => expect(getProjectView(pathname)).toBe(view));
