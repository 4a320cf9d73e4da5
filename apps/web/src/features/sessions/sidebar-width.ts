/** How wide the sessions may be, in pixels. Pure. */
export const DEFAULT_WIDTH = 264;
export const NARROWEST = 220;
export const WIDEST = 360;

export const clampWidth = (width: number): number => Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)));
