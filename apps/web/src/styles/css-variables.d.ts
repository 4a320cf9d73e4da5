/** CSS variables that components set on their elements. */
import "react";

declare module "react" {
  interface CSSProperties {
    "--sidebar-width"?: string;
  }
}
