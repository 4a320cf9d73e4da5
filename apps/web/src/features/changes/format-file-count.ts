/** `1 file`, `3 files`. */
export const formatFileCount = (count: number): string => `${count} ${count === 1 ? "file" : "files"}`;
