export const agent = "vm-agent";
