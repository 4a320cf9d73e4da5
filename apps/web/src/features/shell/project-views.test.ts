import { expect, it } from "vitest";
import { faceOf } from "./project-views.ts";

it.each([
  ["/p/prj_1", "chat"],
  ["/p/prj_1/", "chat"],
  ["/p/prj_1/new", "chat"],
  ["/p/prj_1/s/ses_1", "chat"],
  ["/p/prj_1/s/ses_1/text", "chat"],
  ["/p/prj_1/t/tsk_1", "chat"],
  ["/p/prj_1/board", "board"],
  // Ids that end as a face begins.
  ["/p/prj_1s/settings", null],
  ["/p/prj_new/settings", null],
  ["/p/prj_1/w/wsp_1", null],
  ["/nodes", null],
])("[R26] %s is the face %s", (pathname, face) => expect(faceOf(pathname)).toBe(face));
