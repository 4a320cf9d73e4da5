/** What a failed task's menus offer: to be done with it, or not to be after all. */
export const labelAcknowledge = (setAside: boolean): { readonly label: string; readonly hint?: string } =>
  setAside ? { label: "Needs attention again" } : { label: "Acknowledge", hint: "no longer needs attention" };
